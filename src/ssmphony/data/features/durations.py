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
        tokens = len(clip.symbols or ())
        if [anchor[:2] for anchor in clip.anchors] != [(token, token + 1) for token in range(tokens)]:
            raise SsmphonyError(
                f"{source.folder}: clip {clip.id} has no time for each phone: take a corpus of rendered speech "
                "(kokoro, espeak), or a task that aligns"
            )
        frames = frame_count(clip, self.grid)
        ends = np.round(np.array([end for *_, end in clip.anchors]) * self.grid.frame_rate).astype(np.int64)
        ends = np.minimum(ends, frames)
        ends[-1:] = frames
        return np.diff(ends, prepend=0)
