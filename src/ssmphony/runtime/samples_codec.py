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

    def __init__(self, graph: Graph, grid: FrameGrid, lookahead: int, max_frames: int | None = None) -> None:
        """``lookahead`` is in frames. The graph takes at most ``max_frames`` in one call; more are cut into pieces."""
        self.graph, self.grid, self.lookahead = graph, grid, lookahead
        self.max_frames = max_frames

    def initial_state(self, batch: int) -> Arrays:
        return self.graph.initial_state(batch)

    def decode(self, frames: Array, mask: TimeMask, state: Arrays) -> tuple[SampleFloats, Arrays]:
        pieces: list[SampleFloats] = []
        size = self.max_frames or frames.shape[1]
        for first in range(0, frames.shape[1], max(size, 1)):
            piece = slice(first, first + size)
            (samples,), state = self.graph.run({"frames": frames[:, piece], "mask": mask[:, piece]}, state)
            pieces.append(samples)
        if len(pieces) == 1:
            return pieces[0], state
        return np.concatenate(pieces, axis=1) if pieces else np.zeros((len(frames), 0), np.float32), state
