"""The encoder of a codec: recordings → the frames that its decoder takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ssmphony.arrays import Floats, SampleFloats
from ssmphony.audio.mel import MelEncoder
from ssmphony.interfaces import Encoder
from ssmphony.runtime.graph import Array, Arrays, Graph
from ssmphony.types import FrameGrid, MelFormat


class GraphEncoder(Encoder):
    """A ``codec_encoder`` graph: samples (batch, n), or the log-mel of them, → frames.

    Log-mel is filled with silence at the end, to a whole number of frames of the codec. A graph with a state reads
    samples piece by piece, filled with zeros to whole hops.

    It is loaded by the first recording: who only speaks does not pay for it. The FFT stays outside the graph: NumPy's
    is several times faster than ONNX Runtime's.
    """

    def __init__(
        self, load: Callable[[], Graph], grid: FrameGrid, mel: MelFormat | None = None, max_frames: int | None = None
    ) -> None:
        """``mel`` is the format of what a graph with an input ``mel`` reads; ``max_frames`` is how many frames a graph
        with a state makes in one call."""
        self.grid = grid
        self.max_frames = max_frames
        self._load = load
        self._mel = None if mel is None else MelEncoder(mel)

    @cached_property
    def _graph(self) -> Graph:
        return self._load()

    def encode(self, samples: SampleFloats) -> Array:
        state = self._graph.initial_state(len(samples))
        if state and self.max_frames:
            return self._in_pieces(samples, state, self.max_frames * self.grid.hop_length)
        (frames,), _ = self._graph.run({self._graph.inputs[0]: self._features(samples)})
        return frames

    def _in_pieces(self, samples: SampleFloats, state: Arrays, size: int) -> Array:
        """``size``: samples of a piece."""
        hop = self.grid.hop_length
        padded = np.pad(samples, ((0, 0), (0, hop - samples.shape[1] % hop)))
        pieces: list[Array] = []
        for first in range(0, padded.shape[1], size):
            (frames,), state = self._graph.run({self._graph.inputs[0]: padded[:, first : first + size]}, state)
            pieces.append(frames)
        return np.concatenate(pieces, axis=1)

    def _features(self, samples: SampleFloats) -> Floats:
        if self._mel is None:
            return samples
        mel, steps = self._mel.encode(samples), self.grid.hop_length // self._mel.grid.hop_length
        silence = np.log(self._mel.format.log_floor)
        return np.pad(mel, ((0, 0), (0, -mel.shape[1] % steps), (0, 0)), constant_values=silence)
