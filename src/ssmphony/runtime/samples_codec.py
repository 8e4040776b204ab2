"""A codec whose graph returns samples."""

from __future__ import annotations

import numpy as np

from ssmphony.arrays import SampleFloats, TimeMask
from ssmphony.interfaces import Decoder
from ssmphony.runtime.graph import Array, Arrays, Graph
from ssmphony.types import FrameGrid


class SamplesDecoder(Decoder):
    """A ``codec_decoder`` graph: frames (batch, time, channel), float32 or codes, and mask (batch, time) → samples
    (batch, time * hop_length)."""

    def __init__(self, graph: Graph, grid: FrameGrid, lookahead: int) -> None:
        """``lookahead`` is in frames."""
        self.graph, self.grid, self.lookahead = graph, grid, lookahead

    def initial_state(self, batch: int) -> Arrays:
        return self.graph.initial_state(batch)

    def decode(self, frames: Array, mask: TimeMask, state: Arrays) -> tuple[SampleFloats, Arrays]:
        if frames.shape[1] == 0:
            return np.zeros((len(frames), 0), np.float32), state
        (samples,), state = self.graph.run({"frames": frames, "mask": mask}, state)
        return samples, state
