"""A codec's decoder on ONNX Runtime."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ssmphony.audio.stft import InverseStft, OverlapState
from ssmphony.interfaces import Array, Codec
from ssmphony.runtime.expand import Booleans, Floats
from ssmphony.runtime.graph import Arrays, Graph
from ssmphony.types import AudioFormat, SsmphonyError


class CodecState(NamedTuple):
    """What the next frame needs of the past; batch first."""

    layers: Arrays
    overlap: OverlapState


class OnnxCodec(Codec):
    """A ``vocoder`` graph, frames (batch, time, channel) and mask → log magnitude, phase and mask (``stride``
    steps a frame), and inverse STFT.

    The FFT stays outside the graph: NumPy's is several times faster than ONNX Runtime's.
    """

    def __init__(self, vocoder: Graph, audio_format: AudioFormat, lookahead: int, stride: int = 1) -> None:
        """``audio_format`` is that of the spectrum; a frame, of which ``lookahead`` are needed, has ``stride`` hops."""
        self.vocoder = vocoder
        self.format = replace(audio_format, hop_length=stride * audio_format.hop_length)
        self.lookahead = lookahead
        self.inverse_stft = InverseStft(audio_format)

    def initial_state(self, batch: int) -> CodecState:
        return CodecState(self.vocoder.initial_state(batch), self.inverse_stft.initial_state(batch))

    def decode(self, frames: Floats, mask: Booleans, state: CodecState) -> tuple[Floats, CodecState]:
        if frames.shape[1] == 0:
            return np.zeros((len(frames), 0), np.float32), state
        spectrum, layers = self.vocoder.run({"frames": frames, "mask": mask}, state.layers)
        log_magnitude, phase, present = spectrum
        samples, overlap = self.inverse_stft(log_magnitude, phase, present, state.overlap)
        return samples, CodecState(layers, overlap)

    def encode(self, samples: Array) -> Array:
        """Always raises `SsmphonyError`: an exported voice only speaks."""
        raise SsmphonyError("an exported voice only speaks; encode with a codec of ssmphony.codecs (extra train)")
