"""How far one set of sounds is from another, as distributions of features.

    d^2 = |m - m'|^2 + tr(S + S' - 2 (S^1/2 S' S^1/2)^1/2)

Fréchet distance of two Gaussians (Dowson and Landau, 1982), on features of sound as in Kilgour et al., *Fréchet audio
distance* (Interspeech 2019). Estimated from n clips it is too large by about b / n; a line through distances at several
n, read at 1 / n = 0, takes that off (Chong and Forsyth, *Effectively unbiased FID and Inception Score*, CVPR 2020).
Here both sides shrink together, so that two samples of one distribution come out at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssmphony.arrays import Reals

SEEDS = (0, 1, 2)
SHARES = (0.4, 0.5, 0.6, 0.75, 0.9, 1.0)
DRAWS = 4
"""Random choices of clips at each size."""
FEWEST = 8
"""Clips a side, below which no figure is given."""


class FrechetDistance(NamedTuple):
    """``distance`` is extrapolated to endless clips, the mean of ``by_seed``; ``plain`` is of the clips at hand."""

    distance: float
    low: float
    high: float
    plain: float
    by_seed: tuple[float, ...]
    clips: int
    windows: int
    dimensions: int

    @property
    def rough(self) -> bool:
        """The covariances have no full rank: the figure tells the order of magnitude alone."""
        return self.windows < 2 * self.dimensions


def gaussian(features: Reals) -> tuple[Reals, Reals]:
    """features (n, channel) → mean (channel,), covariance (channel, channel)."""
    features = np.asarray(features, np.float64)
    return features.mean(axis=0), np.atleast_2d(np.cov(features, rowvar=False))


def between_gaussians(a: tuple[Reals, Reals], b: tuple[Reals, Reals]) -> float:
    """The squared distance of two (mean, covariance)."""
    values, vectors = np.linalg.eigh(a[1])
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ b[1] @ root)
    difference = a[0] - b[0]
    overlap = 2.0 * np.sqrt(np.maximum(inner, 0.0)).sum()
    return float(difference @ difference + np.trace(a[1]) + np.trace(b[1]) - overlap)


def distance(a: Sequence[Reals], b: Sequence[Reals]) -> float:
    """Of two sets of clips, each clip (window, channel)."""
    return between_gaussians(gaussian(np.concatenate(list(a))), gaussian(np.concatenate(list(b))))


def extrapolated(a: Sequence[Reals], b: Sequence[Reals], seed: int, draws: int = DRAWS) -> float:
    """The distance at endless clips, from the smaller side's number of clips downwards."""
    chance, fewest = np.random.default_rng(seed), min(len(a), len(b))
    counts = sorted({max(2, round(share * fewest)) for share in SHARES})
    points: list[tuple[float, float]] = []
    for count in counts:
        for _ in range(draws):
            chosen = ([side[k] for k in chance.permutation(len(side))[:count]] for side in (a, b))
            points.append((1.0 / count, distance(*chosen)))
    x, y = np.array(points).T
    return float(np.polyfit(x, y, 1)[1])


def frechet_distance(a: Sequence[Reals], b: Sequence[Reals], resamples: int = 10) -> FrechetDistance | None:
    """Of two sets of clips (window, channel); None with fewer than `FEWEST` clips on a side.

    The interval is twice the distance less the percentiles of bootstrapped clips (the basic bootstrap: clips that are
    drawn twice make every resample look farther than it is), ``resamples`` for each of three seeds.
    """
    if min(len(a), len(b)) < FEWEST:
        return None
    by_seed = tuple(extrapolated(a, b, seed) for seed in SEEDS)
    centre = float(np.mean(by_seed))
    drawn: list[float] = []
    for seed in SEEDS:
        chance = np.random.default_rng([seed, 1])
        for _ in range(resamples):
            picked = ([side[k] for k in chance.integers(len(side), size=len(side))] for side in (a, b))
            drawn.append(extrapolated(*picked, seed=seed, draws=1))
    offsets = np.percentile(drawn, (2.5, 97.5)) - np.mean(drawn)
    windows = min(sum(map(len, a)), sum(map(len, b)))
    low, high = centre - float(offsets[1]), centre - float(offsets[0])
    return FrechetDistance(centre, low, high, distance(a, b), by_seed, min(len(a), len(b)), windows, a[0].shape[1])


def reduced(a: Sequence[Reals], b: Sequence[Reals], times: int = 10, most: int = 64) -> tuple[list[Reals], list[Reals]]:
    """Both sides on the first principal components of ``b``, the real one: so many that either has ``times`` windows
    for each, and ``most`` at most. Sides that have enough windows for their own channels are returned as they are."""
    reference = np.concatenate(list(b)).astype(np.float64)
    windows = min(len(reference), sum(map(len, a)))
    if windows >= times * reference.shape[1]:
        return list(a), list(b)
    count = max(1, min(most, windows // times, reference.shape[1]))
    mean = reference.mean(axis=0)
    axes = np.linalg.eigh(np.cov(reference, rowvar=False))[1][:, ::-1][:, :count]
    return [(clip - mean) @ axes for clip in a], [(clip - mean) @ axes for clip in b]


def halves(clips: Sequence[Reals], seed: int = 0) -> tuple[list[Reals], list[Reals]]:
    """Two random halves of one set: their distance is the floor of every other."""
    order = np.random.default_rng(seed).permutation(len(clips))
    middle = len(clips) // 2
    return [clips[k] for k in order[:middle]], [clips[k] for k in order[middle:]]
