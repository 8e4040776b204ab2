"""The encoder of a codec: recordings → the frames that its decoder takes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from ssmphony.arrays import Floats, SampleFloats
from ssmphony.audio.mel import MelEncoder
from ssmphony.interfaces import Encoder
from ssmphony.runtime.graph import Array, Graph
from ssmphony.types import FrameGrid, MelFormat


class GraphEncoder(Encoder):
    """A ``codec_encoder`` graph: samples (batch, n), or the log-mel of them, → frames.

    Log-mel is filled with silence at the end, to a whole number of frames of the codec.

    It is loaded by the first recording: who only speaks does not pay for it. The FFT stays outside the graph: NumPy's
    is several times faster than ONNX Runtime's.
    """

    def __init__(self, load: Callable[[], Graph], grid: FrameGrid, mel: MelFormat | None = None) -> None:
        """``mel`` is the format of what a graph with an input ``mel`` reads."""
        self.grid = grid
        self._load = load
        self._mel = None if mel is None else MelEncoder(mel)

    @cached_property
    def _graph(self) -> Graph:
        return self._load()

    def encode(self, samples: SampleFloats) -> Array:
        (frames,), _ = self._graph.run({self._graph.inputs[0]: self._features(samples)})
        return frames

    def _features(self, samples: SampleFloats) -> Floats:
        if self._mel is None:
            return samples
        mel, steps = self._mel.encode(samples), self.grid.hop_length // self._mel.grid.hop_length
        silence = np.log(self._mel.format.log_floor)
        return np.pad(mel, ((0, 0), (0, -mel.shape[1] % steps), (0, 0)), constant_values=silence)
