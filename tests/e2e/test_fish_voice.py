"""The voice of audio codes of the repository, which is no part of the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmphony.audio.pitch import track_pitch
from ssmphony.reference import reference_from
from ssmphony.types import MelFormat, Samples
from ssmphony.voice import Voice
from ssmphony.voices.package import load

FOLDER = Path(__file__).resolve().parents[2] / "voices" / "fish"
TEXT = "नमस्ते दुनिया। आज मौसम बहुत अच्छा है!"


@pytest.fixture(scope="module")
def voice() -> Voice:
    return load(FOLDER, threads=1)


def test_it_speaks_at_a_human_pace(voice: Voice) -> None:
    speech = voice.say(TEXT)
    seconds = len(speech.samples) / voice.sample_rate
    assert 1.5 < seconds < 6.0
    assert 0.02 < np.sqrt(np.square(speech.samples).mean()) < 0.3
    starts = [word.start_s for word in speech.words]
    assert starts == sorted(starts)
    assert starts[-1] > 0.4 * seconds


def test_chunks_are_the_whole_and_a_seed_is_a_reading(voice: Voice) -> None:
    whole, other = (voice.say(TEXT, seed=seed).samples for seed in (1, 2))
    chunks = np.concatenate([chunk.samples for chunk in voice.stream(TEXT, seed=1)])
    np.testing.assert_array_equal(chunks, whole)
    assert len(whole) != len(other) or not np.array_equal(whole, other)


def test_a_clip_is_spoken_like(voice: Voice) -> None:
    """After a prompt of a man, a woman's pitch is not heard: the row `anyone` speaks, as the prompt does."""
    man, woman = (voice.say(TEXT, speaker=name).samples for name in ("omega", "alpha"))
    like_man, like_woman = (
        voice.say(TEXT, reference=reference_from(clip, voice.encoder, voice.model)).samples for clip in (man, woman)
    )
    assert pitch(like_man, voice.sample_rate) < 0.85 * pitch(like_woman, voice.sample_rate)


def pitch(samples: Samples, rate: int) -> float:
    """The median of the voiced frames, in Hz."""
    track = track_pitch(samples, MelFormat(sample_rate=rate))
    return float(np.median(track[track > 0]))
