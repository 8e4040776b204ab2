"""The bootstrap compared with SciPy's, and with normal theory."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ssmphony.evaluation.statistics import of_difference, of_mean


def test_interval_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(5.0, 2.0, 60)
    found = of_mean([*values.tolist(), float("nan")])
    assert found
    assert found.clips == 60
    assert found.mean == pytest.approx(values.mean())
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=3000, rng=0).confidence_interval
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.05)
    assert of_mean([]) is None
    assert of_mean([2.0]) == (2.0, 2.0, 2.0, 1)


def test_paired_differences_are_surer_than_their_parts() -> None:
    a = np.random.default_rng(1).normal(0.0, 10.0, 30)
    found = of_difference(a.tolist(), (a + 1.0).tolist())
    assert found
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))
