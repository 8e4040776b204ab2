"""``energy``: how loud each frame is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.audio.frame_features import frame_energy
from ssmphony.data.features.feature import Feature, Source, frame_count
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.types import FrameGrid


class EnergyFeature(Feature):
    """(frame,) float32: `ssmphony.audio.frame_features.frame_energy` of the hop of samples that begins with the frame;
    after the end of the clip there is silence."""

    name = "energy"

    def __init__(self, grid: FrameGrid) -> None:
        self.grid = grid
        self.samples = SamplesFeature(grid.sample_rate)

    def compute(self, source: Source) -> npt.NDArray[np.float32]:
        samples, hop = self.samples.read(source), self.grid.hop_length
        length = frame_count(source.clip, self.grid) * hop
        return frame_energy(np.pad(samples[:length], (0, max(0, length - len(samples)))), hop)
