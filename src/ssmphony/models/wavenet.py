"""WaveNet, for comparison: gated causal convolutions whose dilation doubles (van den Oord et al. 2016, arXiv
1609.03499)."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.models.samples import SampleModel, SampleModelConfig


class WaveNetConfig(SampleModelConfig):
    """``cycles`` times ``doublings`` layers of two taps."""

    kind: Literal["wavenet"] = "wavenet"
    d_model: int = 64
    cycles: int = Field(default=3, ge=1)
    doublings: int = Field(default=10, ge=1)
    """Layers of a cycle: dilations 1, 2, 4, …"""
    d_skip: int = 128
    """Width of the sum of what the layers put out."""

    def build(self) -> WaveNet:
        return WaveNet(self)

    @classmethod
    def tiny(cls) -> dict[str, WaveNetConfig]:
        """The smallest configs that have all parts, by form."""
        shape: dict[str, Any] = {"d_model": 6, "cycles": 2, "doublings": 2, "d_skip": 8, "block": 5}
        return {"": cls.model_validate(shape)}


class WaveNetState(NamedTuple):
    """contexts: the last ``dilation`` inputs of each layer, (batch, dilation, channel)."""

    contexts: tuple[Tensor, ...]


class WaveNet(SampleModel):
    """The conditions enter with the samples, whose receptive field is all that a layer sees."""

    config: WaveNetConfig

    def __init__(self, config: WaveNetConfig) -> None:
        super().__init__(config, config.d_skip)
        width = config.d_model
        self.dilations = [2**power for _ in range(config.cycles) for power in range(config.doublings)]
        self.gates = nn.ModuleList(nn.Conv1d(width, 2 * width, 2, dilation=step) for step in self.dilations)
        self.residuals = nn.ModuleList(nn.Linear(width, width) for _ in self.dilations)
        self.skips = nn.ModuleList(nn.Linear(width, config.d_skip) for _ in self.dilations)
        self.mix = nn.Linear(config.d_skip, config.d_skip)

    def initial_memory(self, batch: int) -> WaveNetState:
        new = self.head.weight.new_zeros
        return WaveNetState(tuple(new(batch, dilation, self.config.d_model) for dilation in self.dilations))

    def run(self, x: Tensor, memory: WaveNetState) -> tuple[Tensor, WaveNetState]:
        contexts: list[Tensor] = []
        total = x.new_zeros(*x.shape[:2], self.config.d_skip)
        layers = zip(self.gates, self.residuals, self.skips, memory.contexts, strict=True)
        for gate, residual, skip, context in layers:
            joined = torch.cat([context, x], dim=1)
            contexts.append(joined[:, x.shape[1] :])
            value, opened = gate(joined.transpose(1, 2)).transpose(1, 2).chunk(2, dim=-1)
            y = torch.tanh(value) * torch.sigmoid(opened)
            x, total = x + residual(y), total + skip(y)
        return F.relu(self.mix(F.relu(total))), WaveNetState(tuple(contexts))
