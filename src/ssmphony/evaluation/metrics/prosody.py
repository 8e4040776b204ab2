"""Pitch and timing of one reading compared with another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ssmphony.arrays import Doubles, Reals
from ssmphony.evaluation.metrics.warping import Path


@dataclass(frozen=True)
class PitchError:
    """``log_f0_rmse``: root-mean-square of the difference of ln F0 where both are voiced (0.1 = 1.7 semitones).

    ``centred`` is the same without the difference of the two means: the shape of the melody alone; ``correlation`` is
    that of ln F0. ``voicing`` is the share of frames voiced in one and not in the other. All but the last are NaN where
    nothing is voiced in both, and the correlation where one of them does not move.
    """

    log_f0_rmse: float
    centred: float
    correlation: float
    voicing: float


@dataclass(frozen=True)
class DurationError:
    """Of n intervals: ``mean_ms`` absolute difference, ``ratio`` of the totals, ``correlation`` of the durations.

    ``correlation`` is NaN with fewer than two intervals or where all last equally long.
    """

    mean_ms: float
    ratio: float
    correlation: float


def compare_pitch(reference: Reals, pitch: Reals, path: Path) -> PitchError:
    """F0 in Hz per frame, 0 = unvoiced, of both sounds along ``path`` (steps, 2); frames after the end are skipped."""
    i, j = path[(path[:, 0] < len(reference)) & (path[:, 1] < len(pitch))].T
    a, b = np.asarray(reference, np.float64)[i], np.asarray(pitch, np.float64)[j]
    voiced = (a > 0) & (b > 0)
    voicing = float(((a > 0) != (b > 0)).mean())
    if not voiced.any():
        return PitchError(float("nan"), float("nan"), float("nan"), voicing)
    a, b = np.log(a[voiced]), np.log(b[voiced])
    difference = a - b
    return PitchError(float(np.sqrt((difference**2).mean())), float(difference.std()), correlation(a, b), voicing)


def compare_durations(reference_s: Sequence[float], durations_s: Sequence[float]) -> DurationError:
    """Durations of the same intervals in two readings; raises ValueError when the numbers of intervals differ."""
    a, b = np.asarray(reference_s, np.float64), np.asarray(durations_s, np.float64)
    if a.shape != b.shape or not len(a):
        raise ValueError(f"cannot compare {len(a)} durations with {len(b)}")
    return DurationError(float(np.abs(a - b).mean() * 1e3), float(b.sum() / a.sum()), correlation(a, b))


def correlation(a: Doubles, b: Doubles) -> float:
    """Pearson's, of equally many values; NaN with fewer than two, or where one of them is constant."""
    varied = len(a) > 1 and a.std() > 0 and b.std() > 0
    return float(np.corrcoef(a, b)[0, 1]) if varied else float("nan")
