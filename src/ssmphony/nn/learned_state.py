"""A first state that is learned: adaptation of a layer, or of a stack, without touching a weight.

A state is all that these layers remember, so a tuned first one works as a prompt would (Kang et al. 2025, arXiv
2503.03499).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.interfaces import SequenceLayer, State
from ssmphony.ssm.reset import in_pieces


class LearnedState(SequenceLayer, nn.Module):
    """``layer``, whose `initial_state` is made of parameters; they start as the fresh state of the layer.

    Boolean parts of a state (which steps are present) are not learned. A reset means the learned state too, for which
    a packed row is cut into pieces: slower than the layer itself.
    """

    def __init__(self, layer: SequenceLayer) -> None:
        super().__init__()
        self.layer = cast("nn.Module", layer)
        self.lookahead = layer.lookahead
        self.first = nn.ParameterList(filter(is_learned, pytree.tree_leaves(layer.initial_state(1))))

    def initial_state(self, batch: int) -> State:
        learned = iter(self.first)

        def choose(fresh: Tensor) -> Tensor:
            # rows of their own: views that share memory cannot be exported with a free batch
            return next(learned).expand_as(fresh).clone() if is_learned(fresh) else fresh

        return pytree.tree_map(choose, self._inner().initial_state(batch))

    def forward(self, x: Tensor, state: State, mask: Tensor, reset: Tensor | None = None) -> tuple[Tensor, State]:
        """x (batch, time, channel), mask (batch, time) → (batch, time, channel) and the state, as of the layer."""
        return in_pieces(self, x, state, mask, reset) if reset is not None else self._inner()(x, state, mask)

    def _inner(self) -> SequenceLayer:
        return cast("SequenceLayer", self.layer)


def is_learned(part: Tensor) -> bool:
    """Whether a part of a state is a number that can be learned."""
    return part.is_floating_point() and part.numel() > 0


def learned_names(tensors: Mapping[str, Tensor]) -> list[str]:
    """Names of the layers in a ``state_dict`` whose first state is learned."""
    return sorted({name.removesuffix(".first.0") for name in tensors if name.endswith(".first.0")})


def add_learned_states(module: nn.Module, names: Iterable[str]) -> None:
    """Wrap layers of a module, by name; those that are wrapped already stay as they are."""
    for name in names:
        parent, _, child = name.rpartition(".")
        layer = module.get_submodule(name)
        if not isinstance(layer, LearnedState):
            setattr(module.get_submodule(parent), child, LearnedState(cast("SequenceLayer", layer)))


def plain_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A ``state_dict`` without learned states, under the names that the module has without them."""
    plain = dict(tensors)
    for layer in learned_names(tensors):
        for name in [name for name in plain if name.startswith(f"{layer}.")]:
            value, rest = plain.pop(name), name.removeprefix(f"{layer}.")
            if rest.startswith("layer."):
                plain[f"{layer}.{rest.removeprefix('layer.')}"] = value
    return plain
