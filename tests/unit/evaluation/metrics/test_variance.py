"""A flattened spectrum has less variance by just so much."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.metrics.variance import GROUPS, band_variance, by_region, variance_ratio


def test_half_the_movement_is_a_quarter_of_the_variance() -> None:
    movement = np.random.default_rng(0).standard_normal((400, 100)) * np.linspace(0.5, 2, 100)
    full, half = movement.var(axis=0), (0.5 * movement + 3.0).var(axis=0)
    assert variance_ratio(full, half) == pytest.approx(0.25)
    assert by_region(full, half) == pytest.approx([0.25] * GROUPS)
    assert np.isnan(variance_ratio(np.zeros(3), np.ones(3)))


def test_level_does_not_change_it_and_smoothing_lowers_it() -> None:
    chance = np.random.default_rng(1)
    loudness = np.repeat(np.exp(chance.standard_normal(40)), 1200)
    sound = (0.02 * loudness * chance.standard_normal(48_000)).astype(np.float32)
    steady = (0.02 * np.repeat(np.sqrt(loudness[::1200]), 1200) * chance.standard_normal(48_000)).astype(np.float32)
    assert variance_ratio(band_variance(sound), band_variance(0.3 * sound)) == pytest.approx(1.0, abs=0.02)
    assert variance_ratio(band_variance(sound), band_variance(steady)) < 0.8
