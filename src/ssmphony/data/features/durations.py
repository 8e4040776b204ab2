"""``durations``: how many frames each token lasts, where the corpus knows the times of all of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.data.features.feature import Feature, Source, frame_count
from ssmphony.types import FrameGrid, SsmphonyError


class DurationsFeature(Feature):
    """(token,) int64, in frames; their sum is the number of frames.

    The ends of the tokens are rounded, not the durations: errors do not add up. A token may last no frame.
    """

    name = "durations"

    def __init__(self, grid: FrameGrid) -> None:
        self.grid = grid

    def compute(self, source: Source) -> npt.NDArray[np.int64]:
        clip = source.clip
        if not all_times_known(source):
            raise SsmphonyError(
                f"{source.folder}: clip {clip.id} has no time for each phone: take a corpus of rendered speech "
                "(kokoro, espeak), or a task that aligns"
            )
        frames = frame_count(clip, self.grid)
        ends = np.round(np.array([end for *_, end in clip.anchors]) * self.grid.frame_rate).astype(np.int64)
        ends = np.minimum(ends, frames)
        ends[-1:] = frames
        return np.diff(ends, prepend=0)


class KnownDurationsFeature(DurationsFeature):
    """As `DurationsFeature`; all 0 for a clip whose phones have no times."""

    name = "known_durations"

    def compute(self, source: Source) -> npt.NDArray[np.int64]:
        if all_times_known(source):
            return super().compute(source)
        return np.zeros(len(source.clip.symbols or ()), np.int64)


def all_times_known(source: Source) -> bool:
    """Whether each token of a clip has an anchor of its own."""
    tokens = len(source.clip.symbols or ())
    return [anchor[:2] for anchor in source.clip.anchors] == [(token, token + 1) for token in range(tokens)]
