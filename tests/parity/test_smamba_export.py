"""An exported SMamba voice says what PyTorch says, and imitates the same references. Other mixers: `test_registry`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ssmphony.codecs.smamba import SMambaCodecConfig
from ssmphony.engine import Engine
from ssmphony.export.voice import CardConfig, export
from ssmphony.export.weights import read_weights
from ssmphony.models.smamba import SMambaConfig
from ssmphony.reference import load_reference, reference_from, save_reference
from ssmphony.text import FRONTENDS
from ssmphony.types import STYLE, Reference, SsmphonyError, Style
from ssmphony.voice import Voice
from ssmphony.voices import package
from tests.parity.test_export import SPEECH_TOLERANCE, TEXT, TOLERANCE, frames_of, randomise

pytestmark = pytest.mark.integration
MIXERS: dict[str, dict[str, Any]] = {
    "mamba2": {"kind": "mamba2", "d_state": 8, "head_dim": 16},
    "mamba": {"kind": "mamba", "d_state": 4},
}
MODEL: dict[str, Any] = {
    "kind": "smamba",
    "speakers": ["own", "other"],
    "d_latent": 16,
    "d_style": 12,
    "d_model": 16,
    "d_ffn": 24,
    "text_layers": 2,
    "flow_layers": 2,
    "style_layers": 1,
    "posterior_layers": 1,
    "d_frame": 12,
    "pitch_layers": 1,
    "max_seq": 96,
    "max_frames": 300,
}
CODEC: dict[str, Any] = {"kind": "smamba", "d_latent": 16, "d_style": 12, "dim": 16, "intermediate": 24}
CODEC |= {"blocks": ["convnext", "convnext"], "kernel_size": 5, "lookahead_per_conv": 2}
CLIP = (0.1 * np.random.default_rng(1).standard_normal(40_000)).astype(np.float32)


@dataclass(frozen=True)
class Pair:
    pytorch: Voice
    runtime: Voice


@pytest.fixture(scope="module", params=MIXERS)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("smamba")
    model_block = {**MODEL, "mixer": MIXERS[request.param], "drawn_durations": request.param == "mamba"}
    frontend = FRONTENDS["hindi"]().build()
    model: Any = SMambaConfig.model_validate({"n_symbols": len(frontend.symbols), **model_block}).build()
    codec: Any = SMambaCodecConfig.model_validate(CODEC).build()
    weights: dict[str, torch.Tensor] = {}
    for part, module in (("model", model), ("codec", codec)):
        randomise(module.eval())
        weights |= {f"{part}.{name}": value.contiguous() for name, value in module.state_dict().items()}
    save_file(weights, folder / "trained.safetensors")
    block = {"frontend": {"kind": "hindi"}, "model": model_block, "codec": CODEC}
    trained = folder / "trained.safetensors"
    out = export(block, trained, trained, CardConfig(name="t", language="hi"), folder / "voice")
    for part, module in (("model", model), ("codec", codec)):
        module.load_state_dict(read_weights(out, part))
    runtime = package.load(out, threads=1)
    return Pair(Voice(frontend, model, codec, runtime.card), runtime)


def test_a_reference_is_the_style_of_the_recording(pair: Pair, tmp_path: Path) -> None:
    """Made by the runtime as PyTorch makes it, kept in a file, and heard in every frame."""
    voice = pair.runtime
    reference, expected = (reference_from(CLIP, None, one.model) for one in (voice, pair.pytorch))
    np.testing.assert_allclose(reference.arrays[STYLE], expected.arrays[STYLE], atol=TOLERANCE)
    save_reference(reference, tmp_path / "clip.safetensors")
    assert load_reference(tmp_path / "clip.safetensors") == reference
    batch = list(voice.frontend.sentences(TEXT))[:1]
    frames, _ = voice.model.step(voice.model.begin(batch, [Style(reference=reference)]))
    np.testing.assert_allclose(frames.values[0, 0, -12:], expected.arrays[STYLE][0], atol=TOLERANCE)


def test_frames_of_a_batch(pair: Pair) -> None:
    """Sentences of other lengths, one of them with a reference."""
    batch = list(pair.runtime.frontend.sentences(TEXT))[:3]
    with torch.no_grad():
        expected, spoken, lengths = frames_of(pair.pytorch.model, batch)
    values, tokens, counts = frames_of(pair.runtime.model, batch)
    np.testing.assert_array_equal(counts, lengths)
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(tokens[row, :length], spoken[row, :length])
        np.testing.assert_allclose(values[row, :length], expected[row, :length], atol=10 * TOLERANCE)
    assert np.std(expected[0, : lengths[0]], axis=0).mean() > 0.1, "frames that do not move test nothing"


@pytest.mark.parametrize("style", [Style(), Style(seed=5, speed=0.4, pitch_semitones=2.0, speaker="own:1,other:2")])
def test_samples(pair: Pair, style: Style) -> None:
    """The slow one is longer than a piece. Phases of the pulses sum the rounding of each frame's pitch, so that now and
    then a pulse is elsewhere."""
    settings: dict[str, Any] = {"seed": style.seed, "speed": style.speed, "speaker": style.speaker}
    settings["pitch"] = style.pitch_semitones
    with torch.no_grad():
        expected = pair.pytorch.say(TEXT, **settings)
    spoken = pair.runtime.say(TEXT, **settings)
    assert spoken.samples.shape == expected.samples.shape
    assert spoken.words == expected.words
    assert np.median(np.abs(spoken.samples - expected.samples)) < SPEECH_TOLERANCE
    error, power = (np.square(x).mean() for x in (spoken.samples - expected.samples, expected.samples))
    assert error < 1e-4 * power, "40 dB"


@pytest.mark.parametrize(("samples", "message"), [(CLIP[:9_000], "lasts 0.4 s"), (0.0 * CLIP, "is silent")])
def test_recordings_of_nobody(pair: Pair, samples: np.ndarray, message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        reference_from(samples, None, pair.runtime.model)


def test_a_reference_of_another_width_is_refused(pair: Pair) -> None:
    with pytest.raises(SsmphonyError, match="11 channels, the voice reads float32 with 12"):
        pair.runtime.say("नमस्ते", reference=Reference({STYLE: np.zeros((1, 11), np.float32)}))


def test_streams_of_an_engine_are_what_the_voice_says(pair: Pair) -> None:
    """Sentences of other lengths share a batch, in which frames are padded."""
    reference = reference_from(CLIP, None, pair.runtime.model)
    texts, styles = (TEXT, "हाँ।", "आज मौसम अच्छा है।"), (Style(), Style(reference=reference), Style(speaker="other"))
    with Engine({"t": pair.runtime}) as engine:
        streams = [engine.stream(text, style=style) for text, style in zip(texts, styles, strict=True)]
        spoken = [np.concatenate([chunk.samples for chunk in stream]) for stream in streams]
    for text, style, samples in zip(texts, styles, spoken, strict=True):
        alone = np.concatenate([chunk.samples for chunk in pair.runtime.speak(text, style)])
        np.testing.assert_allclose(samples, alone, atol=SPEECH_TOLERANCE)
