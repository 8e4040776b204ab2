"""Random numbers as a function of a seed and an absolute position, and drawing codes with them. NumPy only.

Philox (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, 2011) takes the seed as its key and the position
as its counter. So there is no state to carry: chunks, batches and resumed streams draw the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssmphony.types import SsmphonyError


@dataclass(frozen=True)
class Sampler:
    """How a code is drawn from logits: divided by ``temperature``, of the ``top_k`` likeliest (0: of all), and of the
    fewest that hold ``top_p`` of the probability (Holtzman et al., arXiv 1904.09751). Temperature 0 takes the
    likeliest."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.temperature < 0.0 or self.top_k < 0 or not 0.0 < self.top_p <= 1.0:
            raise SsmphonyError(f"{self} is out of range: temperature and top_k from 0, top_p above 0 and at most 1")


def seeded_noise(seeds: Iterable[int], positions: Iterable[int], channels: int) -> npt.NDArray[np.float32]:
    """Standard normal numbers (row, channels), each row a function of its seed and its absolute position alone."""
    pairs = zip(seeds, positions, strict=True)
    rows = [_generator(seed, position).standard_normal(channels, np.float32) for seed, position in pairs]
    return np.stack(rows) if rows else np.zeros((0, channels), np.float32)


def draw_codes(
    logits: npt.NDArray[np.float32], seeds: Iterable[int], positions: Iterable[int], sampler: Sampler, codebook: int = 0
) -> npt.NDArray[np.int64]:
    """One code of each row of logits (row, code): a function of the row's seed, its position and the codebook."""
    rows = zip(logits, seeds, positions, strict=True)
    return np.array([_draw(row, seed, position, codebook, sampler) for row, seed, position in rows], np.int64)


def _draw(row: npt.NDArray[np.float32], seed: int, position: int, codebook: int, sampler: Sampler) -> int:
    if sampler.temperature == 0.0:
        return int(row.argmax())
    order = np.argsort(-row, kind="stable")[: sampler.top_k or None]
    scaled = row[order].astype(np.float64) / sampler.temperature
    shares = np.exp(scaled - scaled[0])
    below = np.cumsum(shares / shares.sum())
    kept = 1 + int(np.searchsorted(below, sampler.top_p))
    below = below[:kept]
    share = _generator(seed, position, 1 + codebook).random() * below[-1]
    return int(order[min(int(np.searchsorted(below, share, side="right")), len(below) - 1)])


def _generator(seed: int, position: int, stream: int = 0) -> np.random.Generator:
    """Counters are far apart: neither positions nor streams share a number."""
    return np.random.Generator(np.random.Philox(key=int(seed) % 2**64, counter=int(position) << 64 | stream << 48))
