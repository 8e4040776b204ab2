"""``f0``: the pitch of each frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.audio.pitch import at_times
from ssmphony.data.features.feature import Feature, Source, frame_count
from ssmphony.data.prepared import read_pitch
from ssmphony.types import FrameGrid


class F0Feature(Feature):
    """(frame,) float32 in Hz, 0 where unvoiced: the track of the preparation at the times of the frames."""

    name = "f0"

    def __init__(self, grid: FrameGrid) -> None:
        self.grid = grid

    def compute(self, source: Source) -> npt.NDArray[np.float32]:
        times = np.arange(frame_count(source.clip, self.grid)) / self.grid.frame_rate
        return at_times(read_pitch(source.folder, source.clip.id), source.clip.f0_rate, times)
