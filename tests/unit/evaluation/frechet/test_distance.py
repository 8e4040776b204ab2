"""Distances of Gaussians whose distance is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from ssmphony.evaluation.frechet.distance import (
    between_gaussians,
    distance,
    extrapolated,
    frechet_distance,
    halves,
    reduced,
)


def test_gaussians_with_diagonal_covariances() -> None:
    """|m - m'|^2 + sum (s - s')^2 of the standard deviations."""
    a = np.zeros(3), np.diag([1.0, 4.0, 9.0])
    b = np.array([1.0, 2.0, 2.0]), np.diag([4.0, 4.0, 1.0])
    assert between_gaussians(a, b) == pytest.approx(9.0 + 1.0 + 0.0 + 4.0)
    assert between_gaussians(a, a) == pytest.approx(0.0, abs=1e-9)


def test_one_channel() -> None:
    """(2 - 1)² between standard deviations, 3² between means."""
    features = np.array([[-1.0], [1.0]] * 500) * np.sqrt(999 / 1000)
    assert distance([features], [2.0 * features + 3.0]) == pytest.approx(10.0)


def test_any_covariances_as_by_the_matrix_root_of_scipy() -> None:
    chance = np.random.default_rng(0)
    roots = chance.standard_normal((2, 6, 6))
    a, b = roots[0] @ roots[0].T, roots[1] @ roots[1].T
    wanted = np.trace(a) + np.trace(b) - 2 * np.trace(sqrtm(a @ b)).real
    assert between_gaussians((np.zeros(6), a), (np.zeros(6), b)) == pytest.approx(wanted)


def clips(count: int, shift: float, seed: int, dimensions: int = 6) -> list[np.ndarray]:
    chance = np.random.default_rng(seed)
    return [chance.standard_normal((4, dimensions)) + shift for _ in range(count)]


def test_extrapolation_takes_the_bias_of_few_clips_off() -> None:
    """Unit Gaussians a shift of 0.7 in each of 6 dimensions apart: distance 2.94, and 0 without the shift."""
    same = np.mean([extrapolated(clips(40, 0, seed), clips(40, 0, seed + 50), seed) for seed in range(6)])
    assert distance(clips(40, 0, 0), clips(40, 0, 50)) > 0.05
    assert abs(same) < 0.06
    apart = np.mean([extrapolated(clips(40, 0, seed), clips(40, 0.7, seed + 50), seed) for seed in range(6)])
    assert apart == pytest.approx(2.94, abs=0.35)


def test_interval_seeds_and_floor() -> None:
    near, far = clips(30, 0, 1), clips(30, 0.7, 2)
    found, floor = frechet_distance(near, far), frechet_distance(*halves(near))
    assert found
    assert floor
    assert found.low < found.distance < found.high
    assert len(found.by_seed) == 3
    assert found.clips == 30
    assert floor.high < found.low
    assert not found.rough
    assert frechet_distance(near[:5], far) is None
    assert frechet_distance(near, far) == found


def test_few_windows_are_compared_on_the_main_directions_of_the_real_ones() -> None:
    """A shift along the widest of 40 directions stays; 200 windows a side carry 20 dimensions."""
    chance = np.random.default_rng(0)
    widths = np.concatenate([[5.0, 3.0], np.full(38, 0.1)])
    real, other = (list((chance.standard_normal((200, 40)) * widths)[:, None]) for _ in range(2))
    moved = [clip + 2.0 * np.eye(40)[0] for clip in other]
    a, b = reduced(moved, real)
    assert a[0].shape == b[0].shape == (1, 20)
    assert extrapolated(a, b, 0) == pytest.approx(4.0, rel=0.4)
    assert len(reduced(real[:30], real)[0][0][0]) == 3
    enough = [chance.standard_normal((100, 4)) for _ in range(2)]
    assert reduced(enough, enough)[0][0] is enough[0]
