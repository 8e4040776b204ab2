"""Feature sets of the Fréchet distances."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.frechet.distance import distance
from ssmphony.evaluation.frechet.features import FEATURES, MEL_GROUPS, available, chosen, mel_statistics
from ssmphony.evaluation.models.recogniser import SpeechRecogniser
from ssmphony.types import SsmphonyError


def noise(seconds: float, rate: int, colour: float, seed: int) -> np.ndarray:
    """White noise through a one-pole low pass of ``colour``."""
    white = np.random.default_rng(seed).normal(size=round(seconds * rate)) * 0.1
    out, last = np.empty(len(white), np.float32), 0.0
    for k, value in enumerate(white):
        last = colour * last + (1 - colour) * value
        out[k] = last
    return out


def test_mel_statistics_have_a_row_for_each_window_and_take_any_rate() -> None:
    assert mel_statistics(noise(2.1, 24_000, 0.0, 0), 24_000).shape == (5, 2 * MEL_GROUPS)
    assert mel_statistics(noise(0.1, 16_000, 0.0, 0), 16_000).shape == (1, 2 * MEL_GROUPS)
    assert np.isfinite(mel_statistics(np.zeros(4_000, np.float32), 24_000)).all()


def test_mel_statistics_tell_bright_from_dull_sounds() -> None:
    bright, again, dull = (
        [mel_statistics(noise(2.0, 24_000, colour, seed + k), 24_000) for k in range(4)]
        for colour, seed in ((0.0, 0), (0.0, 10), (0.9, 20))
    )
    assert distance(bright, dull) > 5 * distance(bright, again)


def test_sets_whose_model_is_absent_are_left_out() -> None:
    assert set(available({})) == {"mel"}
    assert set(available({"speaker": object(), "recogniser": object()})) == {"mel", "speaker"}
    assert set(chosen(["recogniser"], {"recogniser": object()})) == {"recogniser"}
    with pytest.raises(SsmphonyError, match="features 'recogniser' need the model 'recogniser'"):
        chosen(["recogniser"], {})
    with pytest.raises(SsmphonyError, match="did you mean 'mel'"):
        chosen(["mels"], {})


def test_states_of_the_recogniser_are_means_of_seconds() -> None:
    sound, models = noise(2.4, 24_000, 0.5, 0), {"recogniser": SpeechRecogniser()}
    features = FEATURES["recogniser"].extract(sound, 24_000, models)
    assert features.shape == (2, 160)
    assert np.isfinite(features).all()
    assert FEATURES["recogniser"].extract(sound[:4_000], 24_000, models).shape == (1, 160)
