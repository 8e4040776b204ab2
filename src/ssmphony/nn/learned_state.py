"""A first state that is learned: adaptation of a layer, or of a stack, without touching a weight.

A state is all that these layers remember, so a tuned first one works as a prompt would (Kang et al. 2025, arXiv
2503.03499).
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.interfaces import SequenceLayer, State
from ssmphony.ssm.reset import in_pieces


class LearnedState(SequenceLayer, nn.Module):
    """``layer``, whose `initial_state` is made of parameters; at first they equal the fresh state of the layer.

    Boolean parts of a state (which steps are present) are not learned. A reset means the learned state too, for which
    a packed row is cut into pieces: slower than the layer itself.
    """

    def __init__(self, layer: SequenceLayer) -> None:
        super().__init__()
        self.layer = cast("nn.Module", layer)
        self.lookahead = layer.lookahead
        self.first = nn.ParameterList(filter(_is_tuned, pytree.tree_leaves(layer.initial_state(1))))

    def initial_state(self, batch: int) -> State:
        learned = iter(self.first)

        def choose(fresh: Tensor) -> Tensor:
            # rows of their own: views that share memory cannot be exported with a free batch
            return next(learned).expand_as(fresh).clone() if _is_tuned(fresh) else fresh

        return pytree.tree_map(choose, self._inner().initial_state(batch))

    def forward(self, x: Tensor, state: State, mask: Tensor, reset: Tensor | None = None) -> tuple[Tensor, State]:
        """x (batch, time, channel), mask (batch, time) → (batch, time, channel) and the state, as of the layer."""
        return in_pieces(self, x, state, mask, reset) if reset is not None else self._inner().forward(x, state, mask)

    def _inner(self) -> SequenceLayer:
        return cast("SequenceLayer", self.layer)


def _is_tuned(part: Tensor) -> bool:
    return part.is_floating_point() and part.numel() > 0
