"""Stretches of sound of one length, for networks that take no other: clips joined in their order, and cut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from ssmphony.audio.resample import resample
from ssmphony.data.features.feature import Source
from ssmphony.data.features.samples import prepared_rate
from ssmphony.data.prepared import read_samples
from ssmphony.data.selection import SelectedCorpus, select
from ssmphony.types import Samples, SsmphonyError


def read_stretches(sources: Sequence[SelectedCorpus], rate: int, length: int) -> list[Samples]:
    """Stretches (length,) at ``rate``: the clips of a speaker that follow each other are joined, and what is left
    at the end of them is dropped. Raises `SsmphonyError` where there is not one stretch."""
    found: list[Samples] = []
    for source, clips in zip(sources, select(sources), strict=True):
        for _, group in groupby(clips, key=lambda clip: clip.speaker):
            parts: list[Samples] = []
            for clip in group:
                place = Source(Path(source.path), clip)
                own = prepared_rate(place)
                parts.append(resample(read_samples(place.audio, own), own, rate))
            joined = np.concatenate(parts)
            found.extend(joined[first : first + length] for first in range(0, len(joined) - length + 1, length))
    if not found:
        raise SsmphonyError(f"no {length / rate:g} s of sound of one speaker in a row: prepare more")
    return found
