"""The warping path against a plain dynamic programme, and on cases where it is known."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.metrics.warping import pairwise_distance, warp


def plain_cost(cost: np.ndarray) -> float:
    """The textbook recursion, cell by cell."""
    total = np.full((cost.shape[0] + 1, cost.shape[1] + 1), np.inf)
    total[0, 0] = 0.0
    for i, j in np.ndindex(*cost.shape):
        total[i + 1, j + 1] = cost[i, j] + min(total[i, j], total[i, j + 1], total[i + 1, j])
    return float(total[-1, -1])


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 6), (7, 1), (2, 2), (5, 9), (12, 7), (20, 20)])
def test_path_is_the_cheapest(n: int, m: int) -> None:
    cost = np.random.default_rng(n * 100 + m).random((n, m))
    path = warp(cost)
    assert cost[path[:, 0], path[:, 1]].sum() == pytest.approx(plain_cost(cost))
    assert path[0].tolist() == [0, 0]
    assert path[-1].tolist() == [n - 1, m - 1]
    assert {tuple(step) for step in np.diff(path, axis=0).tolist()} <= {(0, 1), (1, 0), (1, 1)}


def test_stretched_copy_aligns_without_cost() -> None:
    frames = np.random.default_rng(0).standard_normal((15, 4))
    stretched = np.repeat(frames, 3, axis=0)
    path = warp(pairwise_distance(frames, stretched))
    assert (path[:, 1] // 3 == path[:, 0]).all()


def test_distances_are_euclidean() -> None:
    a, b = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[3.0, 4.0]])
    np.testing.assert_allclose(pairwise_distance(a, b), [[5.0], [0.0]], atol=1e-7)


def test_nothing_to_align() -> None:
    with pytest.raises(ValueError, match="0 and 3"):
        warp(np.zeros((0, 3)))
