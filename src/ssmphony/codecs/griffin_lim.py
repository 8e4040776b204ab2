"""The codec that needs no training, for PyTorch: `ssmphony.audio.griffin_lim` with tensors in and out.

It has no parameters, is not differentiable, and runs on the CPU. A voice whose codec block is ``{kind: griffin_lim}``
speaks without a vocoder.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from ssmphony.audio.griffin_lim import GriffinLim, GriffinLimState
from ssmphony.codecs.codec import LOG_MEL, TINY_MEL, Codec
from ssmphony.config import Config
from ssmphony.graph_spec import GraphSpec
from ssmphony.interfaces import Array, Encoder
from ssmphony.types import MelFormat


class GriffinLimConfig(Config):
    """A codec without weights: it finds phases that fit the log-mel frames of ``format``."""

    frames: ClassVar[str] = LOG_MEL
    kind: Literal["griffin_lim"] = "griffin_lim"
    format: MelFormat = MelFormat()

    @classmethod
    def tiny(cls) -> dict[str, GriffinLimConfig]:
        """The smallest configs, by form: tests run on them."""
        return {"": cls(format=TINY_MEL)}

    def build(self) -> TensorGriffinLim:
        return TensorGriffinLim(self)


class TensorGriffinLim(Codec, Encoder):
    """`GriffinLim` for callers with tensors; its state holds tensors too."""

    runtime = "griffin_lim"

    def __init__(self, config: GriffinLimConfig) -> None:
        self.config = config
        self.algorithm = GriffinLim(config.format)
        self.format = self.mel = config.format
        self.grid = config.format.grid
        self.lookahead = self.algorithm.lookahead

    def initial_state(self, batch: int) -> GriffinLimState:
        return _tensors(self.algorithm.initial_state(batch))

    def decode(self, frames: Array, mask: Array, state: GriffinLimState) -> tuple[Tensor, GriffinLimState]:
        """frames (batch, time, n_mels) and mask (batch, time) with time ≥ 1, tensors or NumPy arrays."""
        arrays = GriffinLimState(*(_array(value) for value in state))
        samples, after = self.algorithm.decode(_array(frames), _array(mask), arrays)
        return torch.from_numpy(samples), _tensors(after)

    def encode(self, samples: Array) -> Tensor:
        """samples (batch, n) → log-mel (batch, 1 + n // hop_length, n_mels)."""
        return torch.from_numpy(self.algorithm.encode(_array(samples)))

    def graphs(self) -> tuple[GraphSpec, ...]:
        return ()


def _array(value: Array) -> Array:
    return np.asarray(torch.as_tensor(value).detach().cpu())


def _tensors(state: GriffinLimState) -> GriffinLimState:
    return GriffinLimState(*(torch.from_numpy(np.ascontiguousarray(value)) for value in state))
