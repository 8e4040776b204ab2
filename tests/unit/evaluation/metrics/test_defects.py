"""Each defect is found in a clip that has it, and none in one that has not."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.metrics.defects import check_clip, short_time_rms, silence_share

RATE = 24_000


def tone(seconds: float, gain: float = 0.5) -> np.ndarray:
    return (gain * np.sin(2 * np.pi * 200 * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def with_nan(samples: np.ndarray) -> np.ndarray:
    samples[100] = np.nan
    return samples


BROKEN = {
    "empty": np.zeros(0, np.float32),
    "not finite": with_nan(tone(1.0)),
    "silent": tone(1.0, 1e-3),
    "clipped": np.clip(tone(1.0, 1.2), -1, 1),
    "endless": tone(4.0),
    "cut short": tone(0.1),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_found(defect: str) -> None:
    assert check_clip(BROKEN[defect], RATE, 10).defects == (defect,)


def test_a_sound_clip_has_none() -> None:
    check = check_clip(np.concatenate([np.zeros(RATE // 2, np.float32), tone(1.0)]), RATE, 12)
    assert check.defects == ()
    assert check.seconds == 1.5
    assert check.peak == pytest.approx(0.5, abs=1e-3)
    assert check.loudest_rms == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)
    assert check.seconds_per_phoneme == pytest.approx(1.5 / 12)


def test_a_few_loud_samples_are_counted_and_forgiven() -> None:
    samples = tone(1.0)
    samples[[10, 20]] = 1.0, -1.0
    assert check_clip(samples, RATE, 10).clipped_samples == 2
    assert check_clip(samples, RATE, 10).defects == ()
    samples[30] = 1.0
    assert check_clip(samples, RATE, 10).defects == ("clipped",)


def test_level_of_windows() -> None:
    levels = short_time_rms(np.concatenate([np.full(1200, 0.5), np.full(600, 0.25)]), RATE)
    np.testing.assert_allclose(levels, [0.5, 0.25])


def test_share_of_silence() -> None:
    half = np.concatenate([tone(0.5), np.zeros(RATE // 2, np.float32)])
    assert silence_share(half, RATE) == pytest.approx(0.5)
    assert silence_share(tone(0.5), RATE) == 0.0
    assert silence_share(np.zeros(100, np.float32), RATE) == 1.0
    assert silence_share(np.zeros(0, np.float32), RATE) == 1.0
