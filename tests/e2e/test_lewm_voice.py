"""The LeWM voice of the repository, which is no part of the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ssmphony.engine.probe import rows_of
from ssmphony.voice import Voice
from ssmphony.voices.package import load

FOLDER = Path(__file__).resolve().parents[2] / "voices" / "lewm"
TEXT = "नमस्ते दुनिया। आज मौसम बहुत अच्छा है!"


@pytest.fixture(scope="module")
def voice() -> Voice:
    return load(FOLDER, threads=1)


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


def test_sentences_share_steps(voice: Voice) -> None:
    assert rows_of(voice, 16) == 2
