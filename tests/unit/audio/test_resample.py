"""Resampling against the sines it must keep and the ones it must remove."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmphony.audio.resample import resample

RATES = [8_000, 16_000, 22_050, 44_100, 48_000]


def sine(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("hertz", [60.0, 1_000.0, 3_500.0])
def test_a_sine_stays_the_same_sine_at_the_same_time(rate: int, hertz: float) -> None:
    out = resample(sine(hertz, rate), rate, 24_000)
    np.testing.assert_allclose(out[1000:-1000], sine(hertz, 24_000)[: len(out)][1000:-1000], atol=2e-4)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_what_the_new_rate_cannot_hold_is_removed(rate: int) -> None:
    for hertz in (12_600.0, 15_000.0, 20_000.0):
        assert np.abs(resample(sine(hertz, rate), rate, 24_000)[1000:-1000]).max() < 1e-3


@pytest.mark.parametrize("rate", [8_000, 22_050])
def test_no_images_above_the_old_bandwidth(rate: int) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, rate).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(resample(noise, rate, 24_000) * np.hanning(24_000))) ** 2
    above = int(rate / 2 * 1.03)
    assert spectrum[above:].sum() < 1e-6 * spectrum.sum()


@settings(max_examples=40, deadline=None)
@given(n=st.integers(0, 3000), rate=st.sampled_from([*RATES, 24_000, 11_025, 12_345]))
def test_length_is_exact_and_constants_stay_constant(n: int, rate: int) -> None:
    out = resample(np.ones(n, np.float32), rate, 24_000)
    assert len(out) == -(-n * 24_000 // rate)
    assert out.dtype == np.float32
    middle = out[len(out) // 2 - 2 : len(out) // 2 + 2]
    if n > 1200:
        np.testing.assert_allclose(middle, 1.0, atol=1e-3)


def test_the_same_whatever_comes_later() -> None:
    """Blocks do not show: the start of a long recording is that of a short one, but for the filter's width."""
    noise = np.random.default_rng(1).normal(0, 0.1, 400_000).astype(np.float32)
    long, short = resample(noise, 44_100, 24_000), resample(noise[:50_000], 44_100, 24_000)
    np.testing.assert_allclose(long[: len(short) - 200], short[:-200], atol=1e-6)
