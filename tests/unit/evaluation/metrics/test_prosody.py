"""Pitch and duration errors that were put in are read back."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.metrics.prosody import compare_durations, compare_pitch

STEPS = np.stack([np.arange(6), np.arange(6)], axis=1)


def test_a_transposed_melody() -> None:
    reference = np.array([0, 100, 120, 140, 0, 160.0])
    result = compare_pitch(reference, reference * 2 ** (3 / 12), STEPS)
    assert result.log_f0_rmse == pytest.approx(3 / 12 * np.log(2))
    assert result.centred == pytest.approx(0.0, abs=1e-12)
    assert result.voicing == 0.0


def test_a_flat_melody_and_a_voicing_error() -> None:
    reference = np.array([100, 200, 100, 200, 0, 0.0])
    flat = np.array([np.sqrt(100 * 200.0)] * 4 + [150, 0.0])
    result = compare_pitch(reference, flat, STEPS)
    assert result.log_f0_rmse == pytest.approx(np.log(2) / 2)
    assert result.centred == pytest.approx(np.log(2) / 2)
    assert result.voicing == pytest.approx(1 / 6)


def test_path_is_followed_and_frames_after_the_end_are_skipped() -> None:
    path = np.array([[0, 0], [0, 1], [1, 2], [2, 9]])
    result = compare_pitch(np.array([100.0, 200, 300]), np.array([100.0, 100, 200]), path)
    assert result.log_f0_rmse == 0.0


def test_nothing_voiced_in_both() -> None:
    result = compare_pitch(np.array([100.0, 0]), np.array([0.0, 100]), STEPS[:2])
    assert np.isnan(result.log_f0_rmse)
    assert result.voicing == 1.0


def test_durations() -> None:
    result = compare_durations([0.1, 0.2, 0.3], [0.2, 0.4, 0.6])
    assert result.mean_ms == pytest.approx(200.0)
    assert result.ratio == pytest.approx(2.0)
    assert result.correlation == pytest.approx(1.0)
    assert np.isnan(compare_durations([0.1], [0.2]).correlation)
    with pytest.raises(ValueError, match="1 durations with 2"):
        compare_durations([0.1], [0.1, 0.1])
