"""The contract on every voice model, at tiny size. A model added to the registry is picked up.

A voice model is no stream of its own: tokens enter whole, frames come out in blocks. What streams inside it, its
decoder, is named in ``DECODERS`` and passes the checks of a stream too. Exported and loaded models are compared with
PyTorch in `tests/parity`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ssmphony.models import MODELS
from ssmphony.models.jepa_tts import JepaTTS
from ssmphony.models.s4_acoustic import FRAME_FEATURES, S4Acoustic
from ssmphony.types import Frames, Style, Tokens, Word
from tests.contract import contract

AUTOREGRESSIVE = ("jepa_tts",)
"""Kinds whose lengths are foreseen latent by latent: nothing promises that every token is spoken."""
SYMBOLS, D_MODEL, BLOCK, MEAN_FRAMES = 12, 8, 8, 5.0
JEPA: dict[str, Any] = {
    "n_symbols": SYMBOLS,
    "speakers": ("own", "other"),
    "d_latent": 6,
    "d_model": D_MODEL,
    "d_ffn": 12,
    "n_heads": 2,
    "text_layers": 1,
    "n_layers": 2,
    "max_seq": 32,
    "most_latents": 20,
    "reach": (2, 3),
}
#: A model must be named here, by its kind and, where it has several forms, by the form: the defaults are too large.
TINY: dict[str, dict[str, Any]] = {
    "jepa_tts attention": {**JEPA, "mixer": {"kind": "attention", "n_heads": 2, "window": 24}},
    "jepa_tts mamba": {**JEPA, "mixer": {"kind": "mamba", "d_state": 4}, "cross_every": 2, "temperature": 0.5},
    "jepa_tts mamba2": {**JEPA, "mixer": {"kind": "mamba2", "d_state": 4, "head_dim": 8}, "text_mixer": "s4d"},
    "jepa_tts paced": {**JEPA, "mixer": {"kind": "mamba2", "d_state": 4, "head_dim": 8}, "paced": True},
    "s4_acoustic": {
        "n_symbols": SYMBOLS,
        "speakers": ("own", "other"),
        "n_mels": 6,
        "d_model": D_MODEL,
        "d_ffn": 12,
        "d_state": 4,
        "n_layers": 2,
        "decoder_layers": 2,
        "lookahead": 2,
        "max_seq": 32,
        "mel_std": 1.0,
        "mel_mean": 0.0,
    },
}


def decoder_stream(model: S4Acoustic) -> contract.Stream:
    """Expanded tokens → normalised frames."""
    return contract.Stream(
        begin=model.decoder.initial_state,
        run=model.decode,
        channels=D_MODEL + FRAME_FEATURES,
        lookahead=model.config.lookahead,
        time=60,
    )


def predictor_stream(model: JepaTTS) -> contract.Stream:
    """Latents → the latents foreseen behind them, with one text for all rows."""
    ids = torch.arange(1, 9)[None]
    with torch.no_grad():
        memory = model.read(ids, ids > 0, torch.zeros(1, dtype=torch.long))

    def run(z: Tensor, mask: Tensor, state: Any) -> tuple[Tensor, Any]:
        first, layers = state
        text = contract.map_state(lambda part: part.expand(len(z), *part.shape[1:]), memory)
        places = 0.1 * (first[:, None] + torch.arange(z.shape[1]))
        distance = torch.arange(ids.shape[1]) - places[..., None]
        prediction, layers = model.predict(z, first, mask, text, text.present[:, None], layers, distance)
        return prediction.latents, (first + z.shape[1], layers)

    return contract.Stream(
        begin=lambda batch: (torch.zeros(batch, dtype=torch.long), model.initial_layers(batch)),
        run=run,
        channels=model.config.d_latent,
        time=60,
    )


DECODERS: dict[str, Callable[[Any], contract.Stream]] = {"jepa_tts": predictor_stream, "s4_acoustic": decoder_stream}

every_model = pytest.mark.parametrize("kind", TINY)
aligned = pytest.mark.parametrize("kind", [name for name in TINY if name.split()[0] not in AUTOREGRESSIVE])
autoregressive = pytest.mark.parametrize("kind", [name for name in TINY if name.split()[0] in AUTOREGRESSIVE])
STYLES = (Style(), Style(speed=1.7, pitch_semitones=3.0), Style(speed=0.6, speaker="other"))


def build(kind: str, block: int = BLOCK, seed: int = 0) -> Any:
    """A model whose tokens last about five frames and whose weights all matter."""
    torch.manual_seed(seed)
    model = MODELS[kind.split()[0]](**TINY[kind], block=block).build()
    if isinstance(model, JepaTTS):
        nn.init.constant_(model.stop.bias, -1.0)
        nn.init.normal_(model.stop.weight, std=0.5)
        return model.eval()
    for name, parameter in model.named_parameters():
        if name.startswith(("duration.", "pitch.", "energy.", "contour.", "head.")):
            nn.init.normal_(parameter, std=0.3)
    nn.init.normal_(model.duration.head.weight, std=0.05)
    nn.init.constant_(model.duration.head.bias, float(np.log(MEAN_FRAMES)))
    return model.eval()


@pytest.fixture
def model(kind: str) -> Any:
    return build(kind)


def sentence(length: int, seed: int = 0) -> Tokens:
    """Silence, words of one to three tokens, a full stop: as a frontend makes them."""
    ids = np.random.default_rng((length, seed)).integers(3, SYMBOLS, length)
    ids[0], ids[-1] = 1, 2
    words: list[Word] = []
    first = 1
    while first < length - 1:
        stop = min(first + 1 + len(words) % 3, length - 1)
        words.append(Word("w", first, stop, first, stop))
        first = stop
    return Tokens(tuple(ids.tolist()), tuple("x" * length), tuple(words))


BATCH = (sentence(9), sentence(14), sentence(4))


def run(model: Any, state: Any, blocks: int) -> list[Frames]:
    """The next blocks."""
    made: list[Frames] = []
    for _ in range(blocks):
        frames, state = model.step(state)
        made.append(frames)
    return made


@torch.no_grad()
def speak(model: Any, batch: Sequence[Tokens], styles: Sequence[Style]) -> list[tuple[Tensor, Tensor]]:
    """Frames (n, channel) and the tokens they speak (n,) of each sentence, until every one is over."""
    state = model.begin(batch, styles)
    rows: list[list[tuple[Tensor, Tensor]]] = [[] for _ in batch]
    over = [False] * len(batch)
    for _ in range(200):
        frames, state = model.step(state)
        for row, length in enumerate(frames.lengths.tolist()):
            assert not (over[row] and length), "frames behind the end"
            over[row] = over[row] or length < frames.values.shape[1]
            rows[row].append((frames.values[row, :length], frames.tokens[row, :length]))
        if all(over):
            return [(torch.cat([v for v, _ in row]), torch.cat([t for _, t in row])) for row in rows]
    raise AssertionError("a sentence does not end")


# 1 ------------------------------------------------------------------------------------------------------------------


@every_model
def test_decoder_causality(kind: str, model: Any) -> None:
    contract.check_causality(DECODERS[kind.split()[0]](model))


# 2 ------------------------------------------------------------------------------------------------------------------


@every_model
@pytest.mark.parametrize("block", [2, 3, 7, 64])
def test_any_block_size_gives_the_same_frames(kind: str, model: Any, block: int) -> None:
    other = build(kind, block)
    other.load_state_dict(model.state_dict())
    for (frames, tokens), (expected, spoken) in zip(
        speak(other, BATCH, STYLES), speak(model, BATCH, STYLES), strict=True
    ):
        contract.assert_close(frames, expected)
        assert torch.equal(tokens, spoken)


@every_model
def test_decoder_chunkings(kind: str, model: Any) -> None:
    with torch.no_grad():
        contract.check_chunkings(DECODERS[kind.split()[0]](model), seeds=2)


# 3, 4 ---------------------------------------------------------------------------------------------------------------


@every_model
def test_snapshot(model: Any) -> None:
    with torch.no_grad():
        _, state = model.step(model.begin(BATCH, STYLES))
        stored = contract.map_state(lambda array: np.asarray(array).copy(), state)
        expected = run(model, state, 3)
        contract.assert_same(tuple(run(model, contract.map_state(torch.from_numpy, stored), 3)), tuple(expected))


@every_model
def test_slots(model: Any) -> None:
    """Another sentence put into one slot leaves the others bit-equal, and is itself as it would be elsewhere."""
    news = [sentence(len(tokens), seed=1) for tokens in BATCH]
    with torch.no_grad():
        _, state = model.step(model.begin(BATCH, STYLES))
        fresh = model.begin(news, STYLES)
        chosen = torch.tensor([False, True, False])

        def swap(old: Tensor, new: Tensor) -> Tensor:
            return torch.where(chosen.reshape(-1, *[1] * (old.ndim - 1)), new, old)

        swapped = run(model, contract.map_state(swap, state, fresh), 3)
        kept, moved = run(model, state, 3), run(model, fresh, 3)
    for after, old, new in zip(swapped, kept, moved, strict=True):
        assert torch.equal(after.values[[0, 2]], old.values[[0, 2]])
        assert torch.equal(after.values[1], new.values[1])
        assert torch.equal(after.lengths, torch.where(chosen, new.lengths, old.lengths))
    assert not torch.equal(swapped[0].values[1], kept[0].values[1])


# 5 ------------------------------------------------------------------------------------------------------------------


@every_model
def test_a_batch_is_its_members(model: Any) -> None:
    together = speak(model, BATCH, STYLES)
    for tokens, style, (frames, spoken) in zip(BATCH, STYLES, together, strict=True):
        ((alone, expected),) = speak(model, [tokens], [style])
        contract.assert_close(frames, alone)
        assert torch.equal(spoken, expected)


@every_model
def test_decoder_padding(kind: str, model: Any) -> None:
    with torch.no_grad():
        contract.check_batch_and_padding(DECODERS[kind.split()[0]](model))


# 6 ------------------------------------------------------------------------------------------------------------------


@every_model
def test_purity(model: Any) -> None:
    with torch.no_grad():
        state = model.begin(BATCH, STYLES)
        before = contract.map_state(torch.clone, state)
        expected = model.step(state)
        contract.assert_same(state, before)
        contract.assert_same(model.step(state), expected)
    batches = [[sentence(6, seed), sentence(3 + seed, seed)] for seed in range(4)]
    single = [speak(model, batch, STYLES[:2]) for batch in batches]
    with ThreadPoolExecutor(2) as pool:
        threaded = list(pool.map(lambda batch: speak(model, batch, STYLES[:2]), batches))
    for rows, alone in zip(threaded, single, strict=True):
        contract.assert_same(tuple(rows), tuple(alone))


# 7 ------------------------------------------------------------------------------------------------------------------


def test_every_kind_is_tested() -> None:
    assert {name.split()[0] for name in TINY} == set(MODELS)


@autoregressive
def test_never_endless(kind: str, model: Any) -> None:
    """A model that never foresees the end stops where the number of tokens says; the token never goes back."""
    nn.init.constant_(model.stop.bias, -1e3)
    for tokens, (frames, spoken) in zip(BATCH, speak(model, BATCH, STYLES), strict=True):
        assert frames.shape == (20 + 3 * len(tokens), TINY[kind]["d_latent"])
        assert torch.equal(spoken, spoken.sort().values)
        assert int(spoken.max()) < len(tokens)
    nn.init.constant_(model.stop.bias, 1e3)
    assert [len(frames) for frames, _ in speak(model, BATCH, STYLES)] == [1, 1, 1]


@aligned
def test_lengths(kind: str, model: Any) -> None:
    """Every token is spoken, in order, for at least one frame; `speak` saw nothing behind the end."""
    for tokens, (frames, spoken) in zip(BATCH, speak(model, BATCH, STYLES), strict=True):
        assert frames.shape == (len(spoken), TINY[kind]["n_mels"])
        counts = torch.bincount(spoken, minlength=len(tokens))
        assert len(counts) == len(tokens)
        assert int(counts.min()) >= 1
        assert torch.equal(spoken, spoken.sort().values)
        assert len(spoken) > 2 * len(tokens), "too short to test anything"


# 8 ------------------------------------------------------------------------------------------------------------------


@every_model
def test_save_load(kind: str, model: Any, tmp_path: Path) -> None:
    other = build(kind, seed=1)
    (expected, _), *_ = speak(model, BATCH, STYLES)
    (different, _), *_ = speak(other, BATCH, STYLES)
    assert different.shape != expected.shape or not torch.equal(different, expected)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, tmp_path / "model.safetensors")
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    (frames, _), *_ = speak(other, BATCH, STYLES)
    assert torch.equal(frames, expected)


# 9 ------------------------------------------------------------------------------------------------------------------


@every_model
def test_same_seed_same_frames(kind: str, model: Any) -> None:
    def speak_once(seed: int, block: int) -> Tensor:
        other = build(kind, block)
        other.load_state_dict(model.state_dict())
        return speak(other, BATCH[:1], [Style(seed=seed)])[0][0]

    state = torch.random.get_rng_state()
    speak(model, BATCH, STYLES)
    assert torch.equal(torch.random.get_rng_state(), state), "the global random state was used"
    expected = speak_once(3, BLOCK)
    for block in (3, 50):
        contract.assert_close(speak_once(3, block), expected)


# 10 -----------------------------------------------------------------------------------------------------------------


@every_model
def test_nothing_to_speak(model: Any) -> None:
    """A sentence without tokens gives no frames, alone or beside others."""
    ((frames, _),) = speak(model, [Tokens((), ())], [Style()])
    assert len(frames) == 0
    (beside, _), (frames, _) = speak(model, [BATCH[0], Tokens((), ())], STYLES[:2])
    assert len(frames) == 0
    contract.assert_close(beside, speak(model, BATCH[:1], STYLES[:1])[0][0])


@every_model
def test_one_token(model: Any) -> None:
    ((frames, spoken),) = speak(model, [Tokens((2,), (".",))], [Style()])
    assert len(frames) >= 1
    assert not spoken.any()
    assert bool(torch.isfinite(frames).all())
