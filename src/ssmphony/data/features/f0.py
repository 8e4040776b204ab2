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

    def __init__(self, grid: FrameGrid, place: float = 0.0) -> None:
        """``place``: where in its hop a frame's pitch is: 0 at the beginning, on which a log-mel frame is centred; 0.5
        in the middle, where `ssmphony.codecs.excitation.PulseSpectrum` has it."""
        self.grid = grid
        self.place = place

    def compute(self, source: Source) -> npt.NDArray[np.float32]:
        times = np.arange(frame_count(source.clip, self.grid), dtype=np.float64) + self.place
        return at_times(read_pitch(source.folder, source.clip.id), source.clip.f0_rate, times / self.grid.frame_rate)
