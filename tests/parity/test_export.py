"""A voice that is exported and loaded again says what PyTorch says: frames, samples, times."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ssmphony.audio.mel import log_mel
from ssmphony.codecs import CODECS
from ssmphony.engine.probe import rows_of
from ssmphony.export.voice import CardConfig, export
from ssmphony.export.weights import read_weights
from ssmphony.models import MODELS
from ssmphony.text import FRONTENDS
from ssmphony.types import SsmphonyError, Style, Tokens
from ssmphony.voice import Voice
from ssmphony.voices import package
from ssmphony.voices.manifest import read_manifest, write_manifest

TOLERANCE = 1e-4
FRAME_TOLERANCE = 3 * TOLERANCE
"""Frames are computed in units of ``mel_std``, which is 3."""
SPEECH_TOLERANCE = 10 * TOLERANCE
"""Of samples from text: the frames differ, from them the pitch, and its rounding adds up to the phases of partials."""
TEXT = "नमस्ते दुनिया। आज मौसम बहुत अच्छा है, चलो बाहर घूमने चलते हैं! हाँ?"
STYLES = (Style(), Style(speed=1.6, pitch_semitones=-4.0, speaker="other"), Style(speed=0.7))
#: Widths of a tenth of the real ones. Models of latents, which bring their own codec, are in `test_lewm_export`.
TINY_MODELS: dict[str, dict[str, Any]] = {
    "s4_acoustic": {
        "speakers": ["own", "other"],
        "d_model": 16,
        "d_ffn": 24,
        "d_state": 8,
        "n_layers": 2,
        "decoder_layers": 2,
        "lookahead": 2,
        "block": 16,
        "max_seq": 96,
    }
}
TINY_CODECS: dict[str, dict[str, Any]] = {
    "mel_vocoder": {"dim": 16, "intermediate": 24, "n_layers": 2, "harmonic": True},
    "griffin_lim": {},
}


@dataclass(frozen=True)
class Pair:
    """The same voice twice."""

    pytorch: Voice
    runtime: Voice
    folder: Path
    model_kind: str


def randomise(module: nn.Module) -> None:
    """Weights that all matter, tokens of about five frames, sound that seldom clips."""
    for name, parameter in module.named_parameters():
        if parameter.ndim > 1 and "kernel." not in name:
            nn.init.normal_(parameter, std=(0.7 / parameter[0].numel()) ** 0.5)
            if name == "contour.weight":  # reads the pitch in eighths of an octave: what it weighs, rounding weighs too
                parameter.data /= 4
            if name.endswith("harmonics.bands.weight"):  # its rounding adds up to the phases of a hundred partials
                parameter.data[0] /= 16
        elif name.endswith("bias"):
            nn.init.normal_(parameter, std=0.1)
    for name, bias in module.named_parameters():
        if name == "duration.head.bias":
            nn.init.constant_(bias, float(np.log(5.0)))


def make_pair(model_kind: str, codec_kind: str, folder: Path) -> Pair:
    torch.manual_seed(0)
    voice = {
        "frontend": {"kind": "hindi"},
        "model": {"kind": model_kind, **TINY_MODELS[model_kind]},
        "codec": {"kind": codec_kind, **TINY_CODECS[codec_kind]},
    }
    frontend = FRONTENDS["hindi"]().build()
    model = MODELS[model_kind].model_validate({"n_symbols": len(frontend.symbols), **voice["model"]}).build().eval()
    codec: Any = CODECS[codec_kind].model_validate(voice["codec"]).build()
    weights: dict[str, torch.Tensor] = {}
    for part, module in (("model", model), ("codec", codec)):
        if isinstance(module, nn.Module):
            randomise(module.eval())
            weights |= {f"{part}.{name}": value.contiguous() for name, value in module.state_dict().items()}
    save_file(weights, folder / "trained.safetensors")
    out = export(
        voice, folder / "trained.safetensors", folder / "trained.safetensors", CardConfig(name="t", language="hi"),
        folder / "voice",
    )  # fmt: skip
    model.load_state_dict(read_weights(out, "model"))
    if isinstance(codec, nn.Module):
        codec.load_state_dict(read_weights(out, "codec"))
    runtime = package.load(out, threads=1)
    return Pair(Voice(frontend, model, codec, runtime.card), runtime, out, model_kind)


@pytest.fixture(scope="module", params=TINY_MODELS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return make_pair(request.param, "mel_vocoder", tmp_path_factory.mktemp("parity"))


def frames_of(model: Any, batch: list[Tokens]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values, tokens and lengths of all blocks of a batch."""
    state = model.begin(batch, STYLES[: len(batch)])
    blocks: list[Any] = []
    while not blocks or np.asarray(blocks[-1].lengths).any():
        frames, state = model.step(state)
        blocks.append(frames)
    values, tokens = (
        np.concatenate([np.asarray(getattr(b, name)) for b in blocks], 1) for name in ("values", "tokens")
    )
    return values, tokens, np.sum([np.asarray(block.lengths) for block in blocks], axis=0)


def test_frames(pair: Pair) -> None:
    batch = list(pair.runtime.frontend.sentences(TEXT))[:3]
    with torch.no_grad():
        expected, spoken, lengths = frames_of(pair.pytorch.model, batch)
    values, tokens, counts = frames_of(pair.runtime.model, batch)
    np.testing.assert_array_equal(counts, lengths)
    assert (lengths > 10).all()
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(tokens[row, :length], spoken[row, :length])
        np.testing.assert_allclose(values[row, :length], expected[row, :length], atol=FRAME_TOLERANCE)
    assert np.std(expected[0, : lengths[0]], axis=0).mean() > 0.1, "frames that do not move test nothing"


@pytest.mark.parametrize("length", [1, 2, 95, 96])
def test_frames_of_short_and_of_the_longest_sentences(pair: Pair, length: int) -> None:
    ids = np.random.default_rng(length).integers(3, 60, length)
    tokens = [Tokens(tuple(ids.tolist()), tuple("x" * length))]
    with torch.no_grad():
        expected, _, lengths = frames_of(pair.pytorch.model, tokens)
    values, _, counts = frames_of(pair.runtime.model, tokens)
    assert counts == lengths
    np.testing.assert_allclose(values[:, : lengths[0]], expected[:, : lengths[0]], atol=FRAME_TOLERANCE)


def test_samples(pair: Pair) -> None:
    """A batch of two with padding, in blocks that differ between the two sides; only audible samples are compared."""
    lookahead = pair.pytorch.codec.lookahead
    frames = np.random.default_rng(0).normal(-5.0, 2.0, (2, 50, 100)).astype(np.float32)
    lengths = (50 - lookahead, 20)
    mask = np.arange(50) < np.array(lengths)[:, None]

    def decode(codec: Any, cuts: list[int]) -> np.ndarray:
        state, parts = codec.initial_state(2), []
        for first, stop in zip([0, *cuts], [*cuts, 50], strict=True):
            samples, state = codec.decode(frames[:, first:stop], mask[:, first:stop], state)
            parts.append(np.asarray(samples))
        return np.concatenate(parts, axis=1)

    assert pair.runtime.codec.lookahead == lookahead
    with torch.no_grad():
        expected = decode(pair.pytorch.codec, [13])
    samples = decode(pair.runtime.codec, [1, 2, 30])
    for row, length in enumerate(lengths):
        heard = slice(lookahead * 256, (lookahead + length) * 256)
        assert 0.05 < np.abs(expected[row, heard]).max() < 10
        np.testing.assert_allclose(samples[row, heard], expected[row, heard], atol=2 * TOLERANCE)


def test_rows_of_a_batch_are_those_of_their_sentences_to_the_bit(pair: Pair) -> None:
    assert rows_of(pair.runtime, 4 * 16) == 4


@pytest.mark.parametrize("style", STYLES)
def test_voice(pair: Pair, style: Style) -> None:
    settings: dict[str, Any] = {"speed": style.speed, "pitch": style.pitch_semitones, "speaker": style.speaker}
    with torch.no_grad():
        expected = pair.pytorch.say(TEXT, **settings)
    spoken = pair.runtime.say(TEXT, **settings)
    assert spoken.samples.shape == expected.samples.shape
    assert spoken.words == expected.words
    assert spoken.phonemes == expected.phonemes
    assert np.mean(np.abs(expected.samples) >= 1.0) < 0.01, "clipping would hide differences"
    assert np.std(expected.samples) > 1e-3
    np.testing.assert_allclose(spoken.samples, expected.samples, atol=SPEECH_TOLERANCE)


def test_speaker_and_pitch_change_the_audio(pair: Pair) -> None:
    own = pair.runtime.say("नमस्ते").samples
    for settings in ({"speaker": "other"}, {"pitch": 5.0}):
        other = pair.runtime.say("नमस्ते", **settings).samples
        assert other.shape != own.shape or np.abs(other - own).max() > 1e-3


def test_graphs_do_not_tell_where_they_were_made(pair: Pair) -> None:
    for path in pair.folder.glob("*.onnx"):
        assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()
        assert b"stack_trace" not in path.read_bytes()


def test_package_holds_what_it_lists(pair: Pair) -> None:
    manifest = read_manifest(pair.folder)
    listed = {graph.file for graph in manifest.graphs.values()} | {"voice.json", "weights.safetensors"}
    assert {path.name for path in pair.folder.iterdir()} == listed
    assert manifest.codec.lookahead == pair.pytorch.codec.lookahead
    assert manifest.codec.grid == pair.pytorch.codec.grid


def without_vocoder(pair: Pair, folder: Path) -> Pair:
    """The voice of ``pair`` as if it had been exported with a codec that needs no graph."""
    manifest = read_manifest(pair.folder)
    codec_entry = manifest.codec.model_copy(update={"runtime": "griffin_lim"})
    graphs = {name: graph for name, graph in manifest.graphs.items() if name != "codec_decoder"}
    for graph in graphs.values():
        shutil.copy(pair.folder / graph.file, folder)
    write_manifest(folder, manifest.model_copy(update={"codec": codec_entry, "graphs": graphs}))
    runtime, codec = package.load(folder, threads=1), CODECS["griffin_lim"]().build()
    return Pair(replace(pair.pytorch, codec=codec), runtime, folder, pair.model_kind)


@pytest.mark.parametrize("make", [without_vocoder, pytest.param(None, marks=pytest.mark.slow, id="export")])
def test_a_voice_without_a_vocoder_speaks(
    pair: Pair, make: Callable[[Pair, Path], Pair] | None, tmp_path: Path
) -> None:
    """Griffin-Lim needs no graph; PyTorch and the runtime share its code, so equal frames are equal samples."""
    plain = make(pair, tmp_path) if make else make_pair(pair.model_kind, "griffin_lim", tmp_path)
    assert not (plain.folder / "codec_decoder.onnx").exists()
    frames = np.random.default_rng(0).normal(-5.0, 2.0, (1, 20, 100)).astype(np.float32)
    mask = np.ones((1, 20), bool)
    (expected, _), (samples, _) = (
        codec.decode(frames, mask, codec.initial_state(1)) for codec in (plain.pytorch.codec, plain.runtime.codec)
    )
    np.testing.assert_array_equal(samples, expected)
    with torch.no_grad():
        spoken, reference = plain.runtime.say("नमस्ते"), plain.pytorch.say("नमस्ते")
    assert spoken.samples.shape == reference.samples.shape
    assert spoken.words == reference.words
    assert np.std(spoken.samples) > 1e-4
    # rounding moves phases where they are free, not the spectrum
    assert np.abs(log_mel(spoken.samples) - log_mel(reference.samples)).mean() < 0.05


def test_weights_that_do_not_fit(pair: Pair, tmp_path: Path) -> None:
    voice = read_manifest(pair.folder).voice.model_dump()
    voice["model"]["d_ffn"] = 25
    with pytest.raises(SsmphonyError, match="do not fit"):
        export(voice, pair.folder, pair.folder, CardConfig(name="t", language="hi"), tmp_path / "voice")
    assert not (tmp_path / "voice").exists()


def test_names_of_speakers_go_into_the_package(pair: Pair, tmp_path: Path) -> None:
    voice = read_manifest(pair.folder).voice.model_dump()
    speaker = voice["model"]["speakers"][0]
    card = CardConfig(name="t", language="hi", speaker_names={speaker: "Asha, calm"})
    out = export(voice, pair.folder, pair.folder, card, tmp_path / "voice")
    assert read_manifest(out).card.speaker_labels[speaker] == "Asha, calm"
    wrong = CardConfig(name="t", language="hi", speaker_names={f"{speaker}x": "Asha"})
    with pytest.raises(SsmphonyError, match=f"unknown speaker of speaker_names '{speaker}x', did you mean"):
        export(voice, pair.folder, pair.folder, wrong, tmp_path / "other")
