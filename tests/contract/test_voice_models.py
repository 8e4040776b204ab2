"""The contract on every voice model, whatever its family, at tiny size. A model added to the registry is picked up.

A voice model is no stream of its own: tokens enter whole, frames come out in blocks. What streams inside it is the
family's (`contract.model_stream`), and so are the lengths of its sentences: `test_parallel`, `test_autoregressive`.
Exported and loaded models are compared with PyTorch in `tests/parity`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ssmphony.types import Style, Tokens
from tests.contract import contract
from tests.contract.speaking import BATCH, BLOCK, STYLES, TINY, build, kinds, run, sentence, speak

every_model = pytest.mark.parametrize("kind", TINY)
every_stream = pytest.mark.parametrize("kind", [kind for kind in TINY if kind not in kinds("sentence")])
"""Of a sentence model nothing streams but the codec: its frames are made at once."""


@pytest.fixture
def model(kind: str) -> Any:
    return build(kind)


# 1 ------------------------------------------------------------------------------------------------------------------


@every_stream
def test_causality(model: Any) -> None:
    contract.check_causality(contract.model_stream(model))


@every_stream
def test_chunkings(model: Any) -> None:
    with torch.no_grad():
        contract.check_chunkings(contract.model_stream(model), seeds=2)


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
            if old.ndim == 3:  # all frames of sentences: padded with the last, as in `ssmphony.state`
                most = max(old.shape[1], new.shape[1])
                old, new = (x[:, torch.arange(most).clamp(max=x.shape[1] - 1)] for x in (old, new))
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
    """A sentence without tokens gives no frames, alone or next to others."""
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
