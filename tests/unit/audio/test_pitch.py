"""The pitch tracker on sounds whose pitch is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from ssmphony.audio.pitch import track_pitch

RATE, HOP = 24_000, 256
INSIDE = slice(8, -8)


def harmonics(hertz: npt.ArrayLike, seconds: float = 1.0, strength: float = 0.7) -> npt.NDArray[np.float32]:
    """A buzz: eight harmonics, each ``strength`` times as loud as the one below."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, round(seconds * RATE))) / RATE
    return sum(strength**k * np.sin((k + 1) * phase) for k in range(8)).astype(np.float32) * np.float32(0.2)


@pytest.mark.parametrize("hertz", [65.0, 90.0, 130.0, 220.0, 340.0, 480.0, 580.0])
def test_steady_tones_within_half_a_percent(hertz: float) -> None:
    track = track_pitch(harmonics(hertz))
    np.testing.assert_allclose(track[INSIDE], hertz, rtol=5e-3)


def test_one_value_a_frame() -> None:
    for n in (0, 1, 255, 256, 257, 24_000):
        track = track_pitch(np.zeros(n, np.float32))
        assert track.shape == (1 + n // HOP,)
        assert track.dtype == np.float32
        assert not track.any()


def test_glide_is_followed_frame_by_frame() -> None:
    hertz = np.geomspace(100, 400, 2 * RATE)
    track = track_pitch(harmonics(hertz, 2.0))
    expected = hertz[np.minimum(np.arange(len(track)) * HOP, len(hertz) - 1)]
    np.testing.assert_allclose(track[INSIDE], expected[INSIDE], rtol=0.02)


def test_vibrato_keeps_its_mean_and_extent() -> None:
    hertz = 250 + 20 * np.sin(2 * np.pi * 5 * np.arange(2 * RATE) / RATE)
    track = track_pitch(harmonics(hertz, 2.0))[INSIDE]
    assert track.mean() == pytest.approx(250, rel=0.01)
    assert track.max() - track.min() == pytest.approx(40, rel=0.25)


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_unvoiced(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, RATE).astype(np.float32)
    assert (track_pitch(noise) > 0).mean() < 0.03


def test_no_octave_errors_when_harmonics_are_stronger_than_the_fundamental() -> None:
    """An octave error is the standing mistake of pitch trackers: the even harmonics alone repeat twice as fast."""
    time = np.arange(RATE) / RATE
    for strongest in (2, 3, 4):
        sound = 0.1 * np.sin(2 * np.pi * 110 * time) + 0.08 * np.sin(2 * np.pi * 330 * time)
        sound += 0.4 * np.sin(2 * np.pi * 110 * strongest * time)
        np.testing.assert_allclose(track_pitch(sound.astype(np.float32))[INSIDE], 110, rtol=0.01)


def test_voiced_through_noise_at_twenty_decibels() -> None:
    tone = harmonics(180.0, 2.0)
    noise = np.random.default_rng(0).normal(0, np.sqrt((tone**2).mean()) / 10, len(tone))
    track = track_pitch((tone + noise).astype(np.float32))[INSIDE]
    assert (track > 0).mean() > 0.98
    np.testing.assert_allclose(track[track > 0], 180, rtol=0.02)


def test_silence_between_tones_is_unvoiced_and_the_level_does_not_matter() -> None:
    sound = np.concatenate((harmonics(200.0, 0.5), np.zeros(RATE // 2, np.float32), harmonics(200.0, 0.5)))
    track = track_pitch(sound)
    middle = track[round(0.6 * RATE / HOP) : round(0.9 * RATE / HOP)]
    assert not middle.any()
    np.testing.assert_allclose(track_pitch(sound * np.float32(0.01)), track, rtol=1e-3)


def test_moving_formants_do_not_unvoice_a_deep_voice() -> None:
    """Harmonics that change quickly above 1 kHz over a steady 90 Hz, as in a diphthong."""
    time = np.arange(RATE) / RATE
    sweep = 1000 + 1500 * np.abs(np.sin(2 * np.pi * 3 * time))
    phases = [2 * np.pi * 90 * k * time for k in range(1, 40)]
    levels = [np.exp(-(((90 * k - sweep) / 250) ** 2)) + (0.6 if k < 6 else 0.0) for k in range(1, 40)]
    sound = 0.05 * sum(level * np.sin(phase) for level, phase in zip(levels, phases, strict=True))
    track = track_pitch(sound.astype(np.float32))[INSIDE]
    assert (track > 0).mean() > 0.95
    np.testing.assert_allclose(track[track > 0], 90, rtol=0.02)
