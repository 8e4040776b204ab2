"""Random numbers as a function of a seed and an absolute position, and drawing codes with them. NumPy only.

Philox (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, 2011) takes the seed as its key and the position
as its counter. So there is no state to carry: chunks, batches and resumed streams draw the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ssmphony.types import SsmphonyError

NO_CODE = -1
"""Stands for a frame before the first."""
_AGAIN = 1 << 8
"""Before the codebook in the stream of random numbers of a second draw."""


@dataclass(frozen=True)
class Sampler:
    """How a code is drawn from logits: repetition penalty first, then temperature, ``top_k`` and ``top_p``."""

    temperature: float = 1.0
    """Logits are divided by it; 0 takes the likeliest code."""
    top_k: int = 0
    """Draw from this many of the likeliest codes; 0 from all."""
    top_p: float = 1.0
    """Draw from the fewest codes that hold this much of the probability (Holtzman et al., arXiv 1904.09751)."""
    repetition_penalty: float = 1.0
    """Positive logits of recent codes are divided by it and negative ones multiplied (Keskar et al., arXiv 1909.05858);
    1 changes nothing."""
    repetition_window: int = 0
    """How many of the last frames are searched for codes of the same codebook."""
    repetition_share: float = 1.0
    """A code that is more than this share of the last frames is drawn again, from all codes at temperature 1: the
    repetition-aware sampling of VALL-E 2 (Chen et al., arXiv 2406.05370), which uses 0.1 of a window of 10; 1 draws
    none again."""

    def __post_init__(self) -> None:
        if (
            self.temperature < 0.0
            or self.top_k < 0
            or not 0.0 < self.top_p <= 1.0
            or self.repetition_penalty < 1.0
            or self.repetition_window < 0
            or not 0.0 <= self.repetition_share <= 1.0
        ):
            raise SsmphonyError(
                f"{self} is out of range: temperature, top_k and repetition_window from 0, top_p above 0 and at most "
                "1, repetition_penalty from 1, repetition_share 0 to 1"
            )

    @property
    def remembers(self) -> int:
        """Frames of codes that have to be kept."""
        return self.repetition_window if self.repetition_penalty > 1.0 or self.repetition_share < 1.0 else 0

    def following(self, asked: npt.NDArray[np.float32]) -> Sampler:
        """The sampler of one row, whose style asks for a temperature, a ``top_k`` and a ``top_p``; each below 0
        where it is left to the voice."""
        temperature, top_k, top_p = asked.tolist()
        changes: dict[str, Any] = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
        changes = {name: value for name, value in changes.items() if value >= 0.0}
        if "top_k" in changes:
            changes["top_k"] = int(changes["top_k"])
        return replace(self, **changes) if changes else self


def seeded_noise(
    seeds: Iterable[int], positions: Iterable[int], channels: int, stream: int = 0
) -> npt.NDArray[np.float32]:
    """Standard normal numbers (row, channels), each row a function of its seed and its absolute position alone.

    Streams of other numbers share none with each other.
    """
    pairs = zip(seeds, positions, strict=True)
    rows = [_generator(seed, position, stream).standard_normal(channels, np.float32) for seed, position in pairs]
    return np.stack(rows) if rows else np.zeros((0, channels), np.float32)


def sequence_noise(seeds: Iterable[int], length: int, channels: int, stream: int = 0) -> npt.NDArray[np.float32]:
    """`seeded_noise` of the first ``length`` positions of each row: (row, length, channels)."""
    rows = [seeded_noise([seed] * length, range(length), channels, stream) for seed in seeds]
    return np.stack(rows) if rows else np.zeros((0, length, channels), np.float32)


def draw_codes(
    logits: npt.NDArray[np.float32],
    seeds: Iterable[int],
    positions: Iterable[int],
    sampler: Sampler,
    codebook: int = 0,
    recent: npt.NDArray[np.int64] | None = None,
    asked: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.int64]:
    """One code of each row of logits (row, code): a function of the row's seed, its position and the codebook.

    ``recent`` (row, frame) are the codes of this codebook in the last frames, `NO_CODE` where there was no frame;
    ``asked`` (row, 3) what the styles of the rows ask for, see `Sampler.following`.
    """
    given = logits
    if recent is not None and sampler.repetition_penalty > 1.0:
        logits = _penalised(logits, recent, sampler.repetition_penalty)
    samplers = [sampler] * len(logits) if asked is None else [sampler.following(row) for row in asked]
    codes = np.zeros(len(logits), np.int64)
    for row, (seed, position) in enumerate(zip(seeds, positions, strict=True)):
        codes[row] = _draw(logits[row], _generator(seed, position, 1 + codebook), samplers[row])
        if recent is None or sampler.repetition_share >= 1.0 or samplers[row].temperature == 0.0:
            continue
        if np.count_nonzero(recent[row] == codes[row]) > sampler.repetition_share * recent.shape[1]:
            codes[row] = _draw(given[row], _generator(seed, position, _AGAIN + codebook), Sampler())
    return codes


def _penalised(
    logits: npt.NDArray[np.float32], recent: npt.NDArray[np.int64], penalty: float
) -> npt.NDArray[np.float32]:
    """The same logits, those of recent codes lower."""
    repeated = np.zeros(logits.shape, np.bool_)
    rows, frames = np.nonzero(recent != NO_CODE)
    repeated[rows, recent[rows, frames]] = True
    return np.where(repeated, np.where(logits > 0, logits / penalty, logits * penalty), logits).astype(np.float32)


def _draw(row: npt.NDArray[np.float32], random: np.random.Generator, sampler: Sampler) -> int:
    if sampler.temperature == 0.0:
        return int(row.argmax())
    order = np.argsort(-row, kind="stable")[: sampler.top_k or None]
    scaled = row[order].astype(np.float64) / sampler.temperature
    shares = np.exp(scaled - scaled[0])
    below = np.cumsum(shares / shares.sum())
    kept = 1 + int(np.searchsorted(below, sampler.top_p))
    below = below[:kept]
    share = random.random() * below[-1]
    return int(order[min(int(np.searchsorted(below, share, side="right")), len(below) - 1)])


def _generator(seed: int, position: int, stream: int = 0) -> np.random.Generator:
    """Counters are far apart: neither positions nor streams share a number."""
    return np.random.Generator(np.random.Philox(key=int(seed) % 2**64, counter=int(position) << 64 | stream << 48))
