"""Layers whose first state is learned, for export: in a graph every fresh state is zero."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.export.fixed import with_replaced
from ssmphony.interfaces import SequenceLayer, State
from ssmphony.nn.learned_state import LearnedState, is_learned


class OffsetState(SequenceLayer, nn.Module):
    """A layer whose state goes in and out as the difference from the learned first one."""

    def __init__(self, layer: SequenceLayer, first: Sequence[Tensor]) -> None:
        """``first``: (1, …) each, those parts of the layer's state that are learned."""
        super().__init__()
        self.layer = cast("nn.Module", layer)
        self.lookahead = layer.lookahead
        self.first = nn.ParameterList(part.detach().clone() for part in first)

    def initial_state(self, batch: int) -> State:
        return self._inner().initial_state(batch)

    def forward(self, x: Tensor, state: State, mask: Tensor, reset: Tensor | None = None) -> tuple[Tensor, State]:
        """x (batch, time, channel), mask (batch, time) → (batch, time, channel) and the state."""
        y, new = self._inner().forward(x, self._moved(state, 1.0), mask, reset)
        return y, self._moved(new, -1.0)

    def _moved(self, state: State, sign: float) -> State:
        first = iter(self.first)
        return pytree.tree_map(lambda part: part + sign * next(first) if is_learned(part) else part, state)

    def _inner(self) -> SequenceLayer:
        return cast("SequenceLayer", self.layer)


def offset_states(module: nn.Module) -> nn.Module:
    """A copy of ``module`` for export, where the first state of every `LearnedState` is a part of the layer."""
    if not any(isinstance(part, LearnedState) for part in module.modules()):
        return module

    def replacement(layer: nn.Module) -> nn.Module:
        if not isinstance(layer, LearnedState):
            return layer
        return OffsetState(cast("SequenceLayer", layer.layer), list(layer.first))

    return with_replaced(copy.deepcopy(module), replacement)
