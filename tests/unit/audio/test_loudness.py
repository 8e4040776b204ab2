"""Loudness against the reference signals of ITU-R BS.1770-4 and EBU Tech 3341."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.audio.loudness import loudness, normalise


def tone(rate: int, level_db: float, seconds: float, hertz: float = 997.0) -> np.ndarray:
    return (10 ** (level_db / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(
        np.float32
    )


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 44_100, 48_000])
def test_full_scale_sine_of_the_standard(rate: int) -> None:
    """BS.1770-4, Annex 1: 0 dBFS at 997 Hz in one channel reads -3.01."""
    assert loudness(tone(rate, 0.0, 3.0), rate) == pytest.approx(-3.01, abs=0.05)


def test_gates_of_ebu_tech_3341_case_three() -> None:
    """10 s at -36, 60 s at -23, 10 s at -36 dBFS in two channels reads -23; in one it is 3.01 less."""
    rate = 24_000
    parts = [tone(rate, -36, 10, 1000), tone(rate, -23, 60, 1000), tone(rate, -36, 10, 1000)]
    assert loudness(np.concatenate(parts), rate) == pytest.approx(-23 - 3.01, abs=0.1)


def test_low_rumble_counts_less_and_treble_more() -> None:
    rate = 24_000
    middle = loudness(tone(rate, -20, 2), rate)
    assert loudness(tone(rate, -20, 2, 30.0), rate) < middle - 5
    assert loudness(tone(rate, -20, 2, 6_000.0), rate) == pytest.approx(middle + 3.3, abs=0.4)


def test_silence_and_nothing_have_no_loudness_and_stay() -> None:
    for samples in (np.zeros(0, np.float32), np.zeros(24_000, np.float32)):
        assert loudness(samples, 24_000) == -np.inf
        np.testing.assert_array_equal(normalise(samples, 24_000), samples)


@pytest.mark.parametrize("seconds", [0.1, 0.35, 1.0, 5.0])
def test_normalise_reaches_the_target(seconds: float) -> None:
    out = normalise(tone(24_000, -40, seconds), 24_000, target_lufs=-20.0)
    assert loudness(out, 24_000) == pytest.approx(-20.0, abs=0.05)
    assert out.dtype == np.float32


def test_normalise_never_passes_the_peak() -> None:
    samples = tone(24_000, -40, 2)
    samples[12_000] = 0.5
    out = normalise(samples, 24_000, target_lufs=-10.0, peak=0.95)
    assert np.abs(out).max() == pytest.approx(0.95, abs=1e-6)
