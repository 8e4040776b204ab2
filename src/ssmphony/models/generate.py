"""Sounds from a model that generates samples: many at once, each until it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.audio.mu_law import SILENCE, decode
from ssmphony.models.samples import SampleModel
from ssmphony.types import Samples, Style

END_S = 0.04
"""A row ends after this much exact silence, which in training follows the end of a clip."""


class Generated(NamedTuple):
    """sounds: samples (n,) of each row, without the silence at its end; taken_s: seconds of computing."""

    sounds: list[Samples]
    taken_s: float

    def real_time_factor(self, sample_rate: int) -> float:
        """Seconds of computing for a second of sound, of all rows together."""
        return self.taken_s * sample_rate / max(1, sum(map(len, self.sounds)))


def generate(
    model: SampleModel,
    styles: Sequence[Style],
    seconds: float,
    *,
    to_the_end: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Generated:
    """One sound for each style.

    Args:
        seconds: Of the longest sound.
        to_the_end: Whether sounds continue for ``seconds`` after they have fallen silent.
        progress: Called with samples done and samples in all, of one row.
    """
    rate = model.config.sample_rate
    total = max(1, round(seconds * rate))
    begun = time.perf_counter()
    state, parts, done = model.begin(styles), [], 0
    while done < total:
        block, state = model.step(state)
        parts.append(block[..., 0].cpu().numpy())
        done += block.shape[1]
        if progress is not None:
            progress(min(done, total), total)
        if not to_the_end and done % (16 * block.shape[1]) == 0 and _all_ended(parts, rate):
            break
    codes = np.concatenate(parts, axis=1)[:, :total]
    taken = time.perf_counter() - begun
    ends = [total if to_the_end else end_of(row, rate) for row in codes]
    return Generated([decode(row[:end]) for row, end in zip(codes, ends, strict=True)], taken)


def end_of(codes: npt.NDArray[np.int64], rate: int) -> int:
    """The end of the sound: where the first silence of `END_S` that follows any sound begins."""
    silent = codes == SILENCE
    sounding = np.flatnonzero(~silent)
    if not len(sounding):
        return len(codes)
    gaps = np.flatnonzero(np.diff(np.append(sounding, len(codes) + round(END_S * rate))) > round(END_S * rate))
    last = int(sounding[gaps[0]]) if len(gaps) else len(codes) - 1
    return min(last + 1, len(codes))


def _all_ended(parts: Sequence[npt.NDArray[np.int64]], rate: int) -> bool:
    codes = np.concatenate(parts, axis=1)
    least = round(END_S * rate)
    return all((row != SILENCE).any() and end_of(row, rate) + least <= len(row) for row in codes)
