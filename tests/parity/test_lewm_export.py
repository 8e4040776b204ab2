"""An exported LeWM voice says what PyTorch says: latents, samples, times; whatever mixes its predictor's steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssmphony.evaluation.recorded import copy_synthesis
from ssmphony.export.graphs import write_graph
from ssmphony.runtime.autoregressive import AutoregressiveRuntime
from ssmphony.runtime.graph import Graph
from ssmphony.types import SsmphonyError, Style, Tokens
from ssmphony.voice import Voice
from ssmphony.voices import package
from tests.lewm_voice import build_model

TOLERANCE = 1e-4
SAMPLE_TOLERANCE = 1e-3
"""Every latent is fed back, so rounding grows along a sentence."""
TEXT = "नमस्ते दुनिया। आज मौसम अच्छा है!"


@pytest.fixture(scope="module")
def pair(lewm_voice: tuple[Voice, Path]) -> tuple[Voice, Voice]:
    """The same voice in PyTorch and in the runtime."""
    pytorch, folder = lewm_voice
    return pytorch, package.load(folder, threads=1)


@pytest.mark.parametrize("mixer", ["attention", pytest.param("mamba", marks=pytest.mark.slow)])
def test_latents(mixer: str, tmp_path: Path) -> None:
    """Two sentences of different length, with and without noise; one is nearly the longest that there may be."""
    model = build_model(mixer)
    encoder, predictor = (Graph(write_graph(spec, tmp_path).read_bytes(), spec.name, 1) for spec in model.graphs())
    runtime = AutoregressiveRuntime(encoder, predictor, block=4, speakers=("own", "other"))
    batch = [Tokens(tuple(range(1, n)), tuple("x" * (n - 1))) for n in (70, 12)]
    styles = [Style(seed=4), Style(speaker="other")]
    with torch.no_grad():
        expected, state = model.begin(batch, styles), runtime.begin(batch, styles)
        for _ in range(12):
            frames, expected = model.step(expected)
            spoken, state = runtime.step(state)
            np.testing.assert_array_equal(spoken.lengths, frames.lengths)
            for row, length in enumerate(spoken.lengths):
                np.testing.assert_array_equal(spoken.tokens[row, :length], frames.tokens[row, :length])
                np.testing.assert_allclose(spoken.values[row, :length], frames.values[row, :length], atol=TOLERANCE)
    assert state.done.all()
    assert state.position.max() > 30


@pytest.mark.parametrize("style", [Style(), Style(seed=3, speaker="other")])
def test_voice(pair: tuple[Voice, Voice], style: Style) -> None:
    pytorch, runtime = pair
    with torch.no_grad():
        expected = pytorch.say(TEXT, seed=style.seed, speaker=style.speaker)
    spoken = runtime.say(TEXT, seed=style.seed, speaker=style.speaker)
    assert spoken.samples.shape == expected.samples.shape
    assert spoken.words == expected.words
    assert [word.text for word in spoken.words] == TEXT.replace("।", "").replace("!", "").split()
    assert np.mean(np.abs(expected.samples) >= 1.0) < 0.01, "clipping would hide differences"
    assert np.std(expected.samples) > 1e-3
    np.testing.assert_allclose(spoken.samples, expected.samples, atol=SAMPLE_TOLERANCE)


def test_speaker_changes_the_audio(pair: tuple[Voice, Voice]) -> None:
    own, other = (pair[1].say("नमस्ते", speaker=name).samples for name in (None, "other"))
    assert own.shape != other.shape or np.abs(own - other).max() > 1e-3


def test_rows_of_different_age_share_a_batch(pair: tuple[Voice, Voice]) -> None:
    """States have one shape: a slot takes a new sentence while the others go on, bit for bit."""
    model = pair[1].model
    short, long = (Tokens(ids, tuple("x" * len(ids))) for ids in ((1, 40, 50, 2), tuple(range(1, 61))))
    _, old = model.step(model.begin([long, long], [Style()] * 2))
    new = model.begin([short], [Style(seed=5)])

    def put(row: Any, fresh: Any) -> Any:
        if isinstance(row, tuple):
            parts = [put(a, b) for a, b in zip(row, fresh, strict=True)]
            return type(row)(*parts) if hasattr(row, "_fields") else tuple(parts)
        return np.concatenate([row[:1], fresh])

    mixed, _ = model.step(put(old, new))
    kept, _ = model.step(old)
    alone, _ = model.step(new)
    np.testing.assert_allclose(mixed.values[0], kept.values[0], atol=1e-6)
    np.testing.assert_allclose(mixed.values[1], alone.values[0], atol=1e-6)


def test_a_sentence_that_is_too_long(pair: tuple[Voice, Voice]) -> None:
    tokens = Tokens((3,) * 97, ("x",) * 97)
    for voice in pair:
        with pytest.raises(SsmphonyError, match="97 tokens, this voice reads 96"):
            voice.model.begin([tokens], [Style()])


def test_the_encoder_of_the_latents(pair: tuple[Voice, Voice]) -> None:
    """Recordings of any length become the latents that PyTorch makes of them, and the copy of one has its length."""
    pytorch, runtime = pair
    assert runtime.encoder is not None
    assert runtime.encoder.grid == pytorch.codec.grid == runtime.codec.grid
    for n in (100, 1023, 1024, 9000, 50_000):
        samples = 0.1 * np.random.default_rng(n).standard_normal((2, n)).astype(np.float32)
        with torch.no_grad():
            expected = pytorch.codec.encode(torch.from_numpy(samples))  # type: ignore[attr-defined]
        frames = runtime.encoder.encode(samples)
        assert frames.shape == (2, 1 + n // 1024, 8)
        np.testing.assert_allclose(frames, expected, atol=TOLERANCE)
    assert copy_synthesis(runtime.encoder, runtime.codec, samples[0]).shape == samples[0].shape
