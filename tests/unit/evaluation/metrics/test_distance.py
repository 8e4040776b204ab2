"""Distances on sounds and spectra whose distance is known."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.audio.mel import log_mel
from ssmphony.evaluation.metrics.distance import compare, mel_cepstra, mel_cepstral_distortion

RATE = 24_000


def glide(seconds: float, *, gain: float = 0.3, tilt: float = 1.0, seed: int = 0) -> np.ndarray:
    """A buzz whose pitch rises, with a little noise: something that differs from frame to frame."""
    time = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 80 * time / seconds) / RATE
    buzz = sum(np.sin(k * phase) / k**tilt for k in range(1, 30))
    noise = np.random.default_rng(seed).standard_normal(len(time)) * 1e-3
    return (gain * 0.3 * buzz + noise).astype(np.float32)


def test_cepstra_read_back_the_cosines_of_a_spectrum() -> None:
    bands = (np.arange(100) + 0.5) / 100
    spectrum = -3.0 + 0.7 * np.cos(np.pi * 2 * bands) - 0.4 * np.cos(np.pi * 5 * bands)
    expected = np.zeros(13)
    expected[[1, 4]] = 0.7, -0.4
    np.testing.assert_allclose(mel_cepstra(spectrum[None])[0], expected, atol=1e-12)


def test_distortion_is_the_rms_difference_in_decibels() -> None:
    """Spectra that differ by a cosine of amplitude A differ by 20 / ln 10 * A / sqrt 2 dB, root mean square."""
    bands = (np.arange(100) + 0.5) / 100
    ripple = 0.5 * np.cos(np.pi * 3 * bands)
    a, b = np.zeros((4, 100)), np.tile(ripple, (4, 1))
    rms_db = 20 / np.log(10) * np.sqrt((ripple**2).mean())
    assert mel_cepstral_distortion(mel_cepstra(a), mel_cepstra(b)) == pytest.approx(rms_db)


def test_level_is_left_out_of_the_distortion_and_in_the_mel_distance() -> None:
    sound = np.random.default_rng(0).standard_normal(RATE).astype(np.float32) * 0.1  # no band reaches the floor
    result = compare(sound, 0.5 * sound, aligned=True)
    assert result.mcd_db < 0.01
    assert result.mel_l1 == pytest.approx(np.log(2), rel=1e-3)


def test_the_same_sound_is_at_no_distance() -> None:
    sound = glide(0.5)
    for aligned in (True, False):
        result = compare(sound, sound, aligned=aligned)
        assert result.mel_l1 == 0.0
        assert result.mcd_db == 0.0
        np.testing.assert_array_equal(result.path[:, 0], np.arange(len(log_mel(sound))))


def test_slower_reading_is_near_only_when_warped() -> None:
    reference, slow = glide(0.6), glide(0.9)
    warped, straight = compare(reference, slow), compare(reference, slow, aligned=True)
    assert warped.mcd_db < 0.6 * straight.mcd_db
    assert warped.path[-1].tolist() == [len(log_mel(reference)) - 1, len(log_mel(slow)) - 1]


def test_a_duller_sound_is_farther_than_another_take() -> None:
    reference = glide(0.6)
    take, dull = compare(reference, glide(0.6, seed=1)), compare(reference, glide(0.6, tilt=2.0))
    assert take.mcd_db < 0.5 * dull.mcd_db
    assert take.mel_l1 < 0.5 * dull.mel_l1


def test_what_nobody_hears_does_not_count() -> None:
    """Digital silence compared with noise 75 dB below the voice."""
    sound = np.concatenate([glide(0.4), np.zeros(9600, np.float32)])
    noisy = sound + np.random.default_rng(2).standard_normal(len(sound)).astype(np.float32) * 2e-6
    assert compare(sound, noisy, aligned=True).mel_l1 < 0.02


def test_silence_does_not_make_it_better() -> None:
    silence = np.zeros(RATE, np.float32)
    reference, dull = glide(0.6), glide(0.6, tilt=2.0)
    short = compare(reference, dull)
    padded = compare(np.concatenate([reference, silence]), np.concatenate([dull, silence]))
    assert padded.mcd_db == pytest.approx(short.mcd_db, rel=0.1)
    assert padded.mel_l1 == pytest.approx(short.mel_l1, rel=0.1)


def test_no_samples() -> None:
    with pytest.raises(ValueError, match="no samples"):
        compare(glide(0.1), np.zeros(0, np.float32))
