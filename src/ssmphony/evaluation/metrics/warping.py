"""Dynamic time warping: which frame of one sound belongs to which frame of another (Sakoe and Chiba, 1978)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.arrays import Reals

Path = npt.NDArray[np.int64]


def pairwise_distance(a: Reals, b: Reals) -> npt.NDArray[np.float64]:
    """Euclidean distances of all frames: a (n, channel), b (m, channel) → (n, m)."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2.0 * (a @ b.T)
    return np.sqrt(np.maximum(squares, 0.0))


def warp(cost: Reals) -> Path:
    """The cheapest monotonic path from (0, 0) to (n - 1, m - 1) through ``cost`` (n, m): (steps, 2) pairs.

    Steps go down, right or diagonally, each at the cost of the cell it enters. Raises ValueError on an empty side.
    """
    n, m = cost.shape
    if n == 0 or m == 0:
        raise ValueError(f"nothing to align: {n} and {m} frames")
    # Cells on one anti-diagonal do not depend on each other: row i of `total` holds cell (i, diagonal - i).
    total = np.full((n + m - 1, n + 1), np.inf)  # the last column is the border, reached as index -1
    for diagonal in range(n + m - 1):
        rows = np.arange(max(0, diagonal - m + 1), min(n, diagonal + 1))
        entered = cost[rows, diagonal - rows]
        if diagonal == 0:
            total[0, 0] = entered[0]
            continue
        straight = np.minimum(total[diagonal - 1, rows - 1], total[diagonal - 1, rows])
        across = total[diagonal - 2, rows - 1] if diagonal > 1 else np.inf
        total[diagonal, rows] = entered + np.minimum(straight, across)
    return _trace(total, n, m)


def _trace(total: Reals, n: int, m: int) -> Path:
    i, j = n - 1, m - 1
    path = [(i, j)]
    while i or j:
        options = [
            (total[i + j - 2, i - 1], i - 1, j - 1) if i and j else (np.inf, 0, 0),
            (total[i + j - 1, i - 1], i - 1, j) if i else (np.inf, 0, 0),
            (total[i + j - 1, i], i, j - 1) if j else (np.inf, 0, 0),
        ]
        _, i, j = min(options, key=lambda option: option[0])
        path.append((i, j))
    return np.array(path[::-1], np.int64)
