"""``energy``: how loud each frame is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.data.features.feature import Feature, Source, frame_count
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.types import FrameGrid

FLOOR = 1e-3
"""Added to the amplitude, so that silence has a logarithm: 60 dB below full scale."""


class EnergyFeature(Feature):
    """(frame,) float32: ``log(rms + FLOOR)``, natural, over the hop of samples around the centre of the frame."""

    name = "energy"

    def __init__(self, grid: FrameGrid) -> None:
        self.grid = grid
        self.samples = SamplesFeature(grid.sample_rate)

    def compute(self, source: Source) -> npt.NDArray[np.float32]:
        return frame_energy(self.samples.read(source), self.grid.hop_length, frame_count(source.clip, self.grid))


def frame_energy(samples: npt.NDArray[np.float32], hop: int, frames: int) -> npt.NDArray[np.float32]:
    """samples (n,) → (frames,); frame t is centred on sample ``t * hop``."""
    before = hop // 2
    padded = np.pad(samples[: frames * hop], (before, max(0, frames * hop - before - len(samples)) + hop))
    power = (padded[: frames * hop].reshape(frames, hop).astype(np.float64) ** 2).mean(axis=1)
    return np.log(np.sqrt(power) + FLOOR).astype(np.float32)
