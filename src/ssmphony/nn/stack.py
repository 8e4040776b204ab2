"""Blocks in a row. Lookaheads add up, and the mask arrives at each block with the delay of those before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ssmphony.config import Config, LayerConfig
from ssmphony.interfaces import SequenceLayer, State
from ssmphony.nn.block import Block, delay
from ssmphony.nn.conv import CausalConv
from ssmphony.nn.layers import Mixer
from ssmphony.nn.learned_state import LearnedState


class StackState(NamedTuple):
    """layers: the state of each layer; present: for each layer the (batch, lookahead) bool mask queue."""

    layers: tuple[State, ...]
    present: tuple[Tensor, ...]


class Stack(SequenceLayer, nn.Module):
    """Layers applied one after another; any `SequenceLayer` that keeps (batch, time, channel) shapes composes."""

    def __init__(self, layers: Sequence[SequenceLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(cast("Sequence[nn.Module]", layers))
        self.lookahead = sum(layer.lookahead for layer in layers)

    def initial_state(self, batch: int) -> StackState:
        device = next(self.parameters()).device
        chain = self._chain()
        layers = tuple(layer.initial_state(batch) for layer in chain)
        present = tuple(torch.zeros(batch, layer.lookahead, dtype=torch.bool, device=device) for layer in chain)
        return StackState(layers, present)

    def forward(
        self, x: Tensor, state: StackState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, StackState]:
        """x (batch, time, channel), mask (batch, time) → (batch, time, channel) and the state."""
        layers: list[State] = []
        queues: list[Tensor] = []
        for layer, old, waiting in zip(self._chain(), state.layers, state.present, strict=True):
            x, new = layer(x, old, mask, reset)
            mask, queue = delay(mask, waiting, reset)
            layers.append(new)
            queues.append(queue)
        return x, StackState(tuple(layers), tuple(queues))

    def _chain(self) -> list[SequenceLayer]:
        return cast("list[SequenceLayer]", list(self.layers))


class PatternConfig(Config):
    """Blocks whose mixers repeat a pattern."""

    d_model: int
    n_layers: int
    """Blocks."""
    mixers: tuple[Mixer, ...] = Field(min_length=1)
    """The pattern: settings of mixers, or kinds alone for the defaults: ``mixers: [mamba, s4]``.

    Their ``d_model`` is this one.
    """
    d_ffn: int = 0
    """Width of the feed-forward of each block; 0 leaves it out."""
    dropout: float = 0.0

    def mixer(self, index: int) -> LayerConfig:
        """The config of the mixer of block ``index``."""
        return self.mixers[index % len(self.mixers)]


class StackConfig(PatternConfig):
    """A causal stack of blocks whose mixers repeat a pattern."""

    lookahead: int = 0
    """Steps of the future, through a depthwise convolution of ``2 * lookahead + 1`` taps before the blocks."""
    learned_state: bool = False
    """Whether the first states of the mixers are parameters."""

    def build(self) -> Stack:
        layers: list[SequenceLayer] = []
        if self.lookahead:
            conv = CausalConv(self.d_model, 2 * self.lookahead + 1, self.lookahead)
            layers.append(Block(self.d_model, conv, 0, self.dropout))
        for index in range(self.n_layers):
            mixer = self.mixer(index).build()
            mixer = LearnedState(mixer) if self.learned_state else mixer
            layers.append(Block(self.d_model, mixer, self.d_ffn, self.dropout))
        return Stack(layers)
