"""A codec whose graph ends in spectra; the inverse STFT is done here."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from ssmphony.arrays import SampleFloats, TimeMask
from ssmphony.audio.stft import InverseStft, OverlapState
from ssmphony.interfaces import Decoder
from ssmphony.runtime.graph import Array, Arrays, Graph
from ssmphony.types import FrameGrid


class SpectrumState(NamedTuple):
    """What the next frame needs of the past; batch first."""

    layers: Arrays
    overlap: OverlapState


class SpectrumDecoder(Decoder):
    """A ``codec_decoder`` graph: frames (batch, time, channel) and mask (batch, time) → two parts of spectra (batch,
    steps, n_fft / 2 + 1) and which steps exist (batch, steps), a whole number of steps a frame. The parts are log
    magnitude and phase, or real and imaginary part.

    The FFT stays outside the graph: NumPy's is several times faster than ONNX Runtime's.
    """

    def __init__(
        self,
        graph: Graph,
        grid: FrameGrid,
        n_fft: int,
        hop_length: int,
        lookahead: int,
        form: Literal["polar", "cartesian"] = "polar",
        max_frames: int | None = None,
    ) -> None:
        """``hop_length`` is that of the spectra, of which the grid's is a multiple; ``lookahead`` is in frames. The
        graph takes at most ``max_frames`` in one call; more are cut into pieces."""
        if grid.hop_length % hop_length:
            raise ValueError(f"a frame of {grid.hop_length} samples is no whole number of hops of {hop_length}")
        self.graph, self.grid, self.lookahead = graph, grid, lookahead
        self.max_frames = max_frames
        self.inverse_stft = InverseStft(n_fft, hop_length)
        self._samples = self.inverse_stft.polar if form == "polar" else self.inverse_stft.cartesian

    def initial_state(self, batch: int) -> SpectrumState:
        return SpectrumState(self.graph.initial_state(batch), self.inverse_stft.initial_state(batch))

    def decode(self, frames: Array, mask: TimeMask, state: SpectrumState) -> tuple[SampleFloats, SpectrumState]:
        pieces: list[SampleFloats] = []
        size = self.max_frames or frames.shape[1]
        for first in range(0, frames.shape[1], max(size, 1)):
            piece = slice(first, first + size)
            samples, state = self._decode(frames[:, piece], mask[:, piece], state)
            pieces.append(samples)
        if len(pieces) == 1:
            return pieces[0], state
        return np.concatenate(pieces, axis=1) if pieces else np.zeros((len(frames), 0), np.float32), state

    def _decode(self, frames: Array, mask: TimeMask, state: SpectrumState) -> tuple[SampleFloats, SpectrumState]:
        spectrum, layers = self.graph.run({"frames": frames, "mask": mask}, state.layers)
        first, second, present = spectrum
        samples, overlap = self._samples(first, second, present, state.overlap)
        return samples, SpectrumState(layers, overlap)
