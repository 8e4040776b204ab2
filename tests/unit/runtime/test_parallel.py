"""The runtime's voice model and codec on graphs with real state."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.runtime.parallel import ParallelRuntime
from ssmphony.types import SsmphonyError, Style, Tokens, Word
from ssmphony.voices.package import load
from tests.tiny_voice import BLOCK, HOP, SYMBOLS, VOCODER_LOOKAHEAD, make_voice, reference


def sentence(*symbols: str) -> Tokens:
    ids = tuple(SYMBOLS.index(symbol) for symbol in symbols)
    return Tokens(ids, symbols, (Word("w", 1, len(ids) - 1, 0, 1),) if len(ids) > 2 else ())


SHORT = sentence("^", "n", "ə", ".")
LONG = sentence("^", *["n", "ə", "m", "ə", "s", "t̪", "eː", "d̪", "ʊ", "n", "ɪ", "j", "aː"] * 3, "?")


@pytest.fixture(scope="module")
def voice(tiny_voice_folder):
    return load(tiny_voice_folder)


def frames_of(model, sentences, styles):
    """Every row's frames and tokens, stepped to the end of the longest."""
    state = model.begin(sentences, styles)
    values = [[] for _ in sentences]
    tokens = [[] for _ in sentences]
    over = np.zeros(len(sentences), bool)
    while not over.all():
        frames, state = model.step(state)
        assert frames.values.shape[1] == frames.tokens.shape[1] == BLOCK
        for row, length in enumerate(frames.lengths):
            assert not (over[row] and length)
            values[row].append(frames.values[row, :length])
            tokens[row].append(frames.tokens[row, :length])
        over |= frames.lengths < BLOCK
    return [np.concatenate(v) for v in values], [np.concatenate(t) for t in tokens]


@pytest.mark.parametrize("tokens", [SHORT, LONG])
def test_frames_are_aligned_with_their_tokens(voice, tokens):
    durations = reference(tokens, Style())[1]
    (values,), (spoken,) = frames_of(voice.model, [tokens], [Style()])
    assert np.array_equal(spoken, np.repeat(np.arange(len(tokens)), durations))
    assert values.shape[0] == durations.sum()


def test_rows_of_a_batch_equal_themselves_alone(voice):
    sentences, styles = [SHORT, LONG, SHORT], [Style(), Style(speed=2.0), Style(speaker="ravi", pitch_semitones=5)]
    together, _ = frames_of(voice.model, sentences, styles)
    for row, (tokens, style) in enumerate(zip(sentences, styles, strict=True)):
        (alone,), _ = frames_of(voice.model, [tokens], [style])
        np.testing.assert_allclose(together[row], alone, atol=1e-5)


def test_rows_of_different_age_share_a_batch(voice):
    """A slot may be refilled while its neighbour is in the middle of a sentence."""
    model: ParallelRuntime = voice.model
    old = model.begin([LONG], [Style()])
    _, old = model.step(old)
    young = model.begin([LONG], [Style(speaker="ravi")])
    mixed = type(old)(
        *(np.concatenate([a, b]) for a, b in zip(old[:4], young[:4], strict=True)),
        layers=tuple(np.concatenate([a, b]) for a, b in zip(old.layers, young.layers, strict=True)),
    )
    together, _ = model.step(mixed)
    for row, state in enumerate((old, young)):
        alone, _ = model.step(state)
        np.testing.assert_allclose(together.values[row], alone.values[0], atol=1e-6)
        assert np.array_equal(together.tokens[row], alone.tokens[0])


def test_step_leaves_its_state_alone(voice):
    state = voice.model.begin([LONG], [Style()])
    before = [np.copy(part) for part in (*state[:4], *state.layers)]
    first, _ = voice.model.step(state)
    again, _ = voice.model.step(state)
    assert np.array_equal(first.values, again.values)
    assert all(np.array_equal(a, b) for a, b in zip(before, (*state[:4], *state.layers), strict=True))


def test_one_token_and_none(voice):
    (one,), _ = frames_of(voice.model, [sentence("n")], [Style()])
    assert 1 <= len(one) < BLOCK
    (none,), _ = frames_of(voice.model, [Tokens((), ())], [Style()])
    assert none.shape[0] == 0


def test_graphs_for_one_row_serve_a_batch_too(tmp_path, voice):
    single = load(make_voice(tmp_path, dynamic_batch=False))
    sentences, styles = [SHORT, LONG], [Style(), Style(speed=0.5)]
    expected, _ = frames_of(voice.model, sentences, styles)
    values, _ = frames_of(single.model, sentences, styles)
    for a, b in zip(values, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_unknown_speaker(voice):
    with pytest.raises(SsmphonyError, match="unknown speaker 'asa', did you mean 'asha'"):
        voice.model.begin([SHORT], [Style(speaker="asa")])


def test_codec_random_chunkings_equal_one_shot(voice):
    random = np.random.default_rng(1)
    total = 61
    frames = random.standard_normal((2, total + VOCODER_LOOKAHEAD, 5)).astype(np.float32)
    mask = np.arange(total + VOCODER_LOOKAHEAD) < np.array([[total], [40]])
    whole, _ = voice.codec.decode(frames, mask, voice.codec.initial_state(2))
    assert whole.shape == (2, (total + VOCODER_LOOKAHEAD) * HOP)
    for _ in range(5):
        cuts = sorted(random.choice(np.arange(1, frames.shape[1]), size=7, replace=False))
        state, parts = voice.codec.initial_state(2), []
        for first, stop in zip([0, *cuts], [*cuts, frames.shape[1]], strict=True):
            samples, state = voice.codec.decode(frames[:, first:stop], mask[:, first:stop], state)
            parts.append(samples)
        chunked = np.concatenate(parts, axis=1)
        for row, length in enumerate((total, 40)):
            real = slice(VOCODER_LOOKAHEAD * HOP, (VOCODER_LOOKAHEAD + length) * HOP)
            np.testing.assert_allclose(chunked[row, real], whole[row, real], atol=1e-5)


def test_codec_of_no_frames(voice):
    state = voice.codec.initial_state(1)
    samples, after = voice.codec.decode(np.zeros((1, 0, 5), np.float32), np.zeros((1, 0), bool), state)
    assert samples.shape == (1, 0)
    assert after is state
