"""Recorded timing: words stand where they stood, whatever the model thinks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ssmphony.evaluation.recorded import RecordedTiming, copy_synthesis, recorded_ends
from ssmphony.runtime.parallel import ParallelRuntime
from ssmphony.voices.package import load

ENDS = np.array([4, 6, 10, 13, 14, 20])


def test_words_stand_where_they_stood() -> None:
    ends = recorded_ends(ENDS, [(1, 3, 10, 30), (4, 5, 40, 44)], 50)
    assert ends[[0, 2, 3, 4, 5]].tolist() == [10, 30, 40, 44, 50]
    assert ends[1] == pytest.approx(10 + 20 / 3, abs=1)  # two to four, as the model has it


def test_gap_without_a_token_belongs_to_the_word_before() -> None:
    assert recorded_ends(ENDS, [(0, 2, 0, 10), (2, 6, 14, 30)], 30)[[1, 5]].tolist() == [14, 30]


def test_every_token_keeps_a_frame() -> None:
    ends = recorded_ends(ENDS, [(0, 5, 0, 2)], 3)
    assert np.diff(ends, prepend=0).tolist() == [1] * 6


def test_without_anchors_only_the_length_changes() -> None:
    ends = recorded_ends(ENDS, [], 200)
    assert ends[-1] == 200
    np.testing.assert_allclose(ends / 10, ENDS, atol=1.0)


def test_a_voice_speaks_in_recorded_time(tiny_voice_folder: Path) -> None:
    voice = load(tiny_voice_folder)
    assert isinstance(voice.model, ParallelRuntime)
    free = voice.say("नमस्ते दुनिया")
    (sentence,) = voice.frontend.sentences("नमस्ते दुनिया")
    times = [(word.first, word.stop, 0.2 + k, 0.9 + k) for k, word in enumerate(sentence.words)]
    timed = replace(voice, model=RecordedTiming(voice.model, times, 2.5, voice.codec.grid.frame_rate))
    audio = timed.say("नमस्ते दुनिया")
    hop = voice.codec.grid.hop_length / voice.sample_rate
    spoken = [(word.start_s, word.end_s) for word in audio.words]
    assert np.array(spoken) == pytest.approx(np.array([(0.2, 1.2), (1.2, 1.9)]), abs=hop)  # no pause between the two
    assert [span.text for span in audio.phonemes] == [span.text for span in free.phonemes]
    assert audio.seconds == pytest.approx(2.5 + sentence.pause_after_s, abs=hop)


def test_copy_synthesis_is_the_codec_in_one_piece(tiny_voice_folder: Path) -> None:
    voice = load(tiny_voice_folder)
    codec = voice.codec
    assert voice.encoder is not None
    samples = np.random.default_rng(0).standard_normal(5000).astype(np.float32) * 0.1
    copy = copy_synthesis(voice.encoder, codec, samples)
    assert copy.shape == samples.shape
    state, parts = codec.initial_state(1), []
    for frame in [
        *voice.encoder.encode(samples[None])[0],
        *np.zeros((codec.lookahead, codec.grid.channels), np.float32),
    ]:
        real = np.array([[len(parts) <= 5000 // codec.grid.hop_length]])
        part, state = codec.decode(frame[None, None], real, state)
        parts.append(part[0])
    streamed = np.concatenate(parts)[codec.lookahead * codec.grid.hop_length :][: len(samples)]
    np.testing.assert_allclose(copy, streamed, atol=1e-5)
