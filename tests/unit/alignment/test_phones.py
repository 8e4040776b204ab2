"""Times of phones, by a recogniser that names each of them once."""

from __future__ import annotations

import numpy as np
import pytest

import ssmphony
from ssmphony.alignment.phones import LATE_S, phone_middles
from ssmphony.evaluation.models.recogniser import PhoneTimes


def test_middles_are_where_the_phones_are_named() -> None:
    scores = np.full((10, 3), -5.0)
    scores[:, 0] = 0.0
    scores[2, 1] = scores[3, 1] = scores[7, 2] = 3.0
    assert phone_middles(scores, [1, 2], 0.02) == pytest.approx([0.06 - LATE_S, 0.15 - LATE_S])


def test_no_phones_have_no_middles() -> None:
    assert phone_middles(np.zeros((4, 2)), [], 0.02).shape == (0,)


def test_too_little_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="too few"):
        phone_middles(np.zeros((1, 3)), [1, 2, 1], 0.02)


@pytest.mark.integration
def test_the_shipped_recogniser_finds_the_phones_of_speech_with_known_times() -> None:
    audio = ssmphony.load().say("आपका स्वागत है। आज मौसम बहुत अच्छा है।")
    known = [phoneme for phoneme in audio.phonemes if phoneme.text not in "^,.?!_"]
    middles = PhoneTimes()(audio.samples, audio.sample_rate, [phoneme.text for phoneme in known])
    errors = middles - [(phoneme.start_s + phoneme.end_s) / 2 for phoneme in known]
    assert np.abs(errors).mean() < 0.03
    assert abs(np.median(errors)) < 0.015


def test_symbols_without_sound_have_no_time() -> None:
    audio = ssmphony.load().say("नमस्ते")
    middles = PhoneTimes()(audio.samples, audio.sample_rate, ("^", "n", "ə", "m", ","))
    assert np.isnan(middles).tolist() == [True, False, False, False, True]
    with pytest.raises(ValueError, match="none of its phones"):
        PhoneTimes()(audio.samples, audio.sample_rate, (",", "."))
