"""The voices of the repository that generate one frame after another; they are no part of the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmphony.audio.pitch import track_pitch
from ssmphony.engine.probe import rows_of
from ssmphony.reference import reference_from
from ssmphony.types import MelFormat, Samples
from ssmphony.voice import Voice
from ssmphony.voices.package import load

VOICES = Path(__file__).resolve().parents[2] / "voices"
TEXT = "नमस्ते दुनिया। आज मौसम बहुत अच्छा है!"


@pytest.fixture(scope="module", params=["lewm", "fish"])
def voice(request: pytest.FixtureRequest) -> Voice:
    return load(VOICES / request.param, threads=1)


@pytest.fixture(scope="module")
def fish() -> Voice:
    return load(VOICES / "fish", threads=1)


def test_it_speaks_at_a_human_pace(voice: Voice) -> None:
    speech = voice.say(TEXT)
    seconds = len(speech.samples) / voice.sample_rate
    assert 1.5 < seconds < 6.0
    assert 0.02 < np.sqrt(np.square(speech.samples).mean()) < 0.3
    assert [word.text for word in speech.words] == TEXT.replace("।", "").replace("!", "").split()
    starts = [word.start_s for word in speech.words]
    assert starts == sorted(starts)
    assert starts[-1] > 0.4 * seconds


def test_chunks_are_the_whole(voice: Voice) -> None:
    chunks = np.concatenate([chunk.samples for chunk in voice.stream(TEXT)])
    np.testing.assert_array_equal(chunks, voice.say(TEXT).samples)


def test_sentences_of_lewm_share_steps() -> None:
    assert rows_of(load(VOICES / "lewm", threads=1), 16) == 2


def test_a_seed_of_fish_is_a_reading(fish: Voice) -> None:
    one, again, other = (fish.say(TEXT, seed=seed).samples for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert len(one) != len(other) or not np.array_equal(one, other)


def test_fish_speaks_like_a_clip(fish: Voice) -> None:
    """After a prompt of a man, a woman's pitch is not heard: the row `anyone` speaks, as the prompt does."""
    man, woman = (fish.say(TEXT, speaker=name).samples for name in ("omega", "alpha"))
    like_man, like_woman = (
        fish.say(TEXT, reference=reference_from(clip, fish.encoder, fish.model)).samples for clip in (man, woman)
    )
    assert pitch(like_man, fish.sample_rate) < 0.85 * pitch(like_woman, fish.sample_rate)


def pitch(samples: Samples, rate: int) -> float:
    """The median of the voiced frames, in Hz."""
    track = track_pitch(samples, MelFormat(sample_rate=rate))
    return float(np.median(track[track > 0]))
