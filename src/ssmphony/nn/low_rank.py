"""Low-rank adapters for linear layers (LoRA).

    W' = W + (alpha / rank) up down        down (rank, in), up (out, rank)

Hu et al., *LoRA: Low-Rank Adaptation of Large Language Models* (arXiv 2106.09685). An adapter is a parametrisation of
the weight, so it also acts where code reads ``linear.weight`` itself, as the recurrent steps of Mamba do. Names in a
``state_dict``: ``<linear>.parametrizations.weight.original`` for W and ``….weight.0.{down,up,scale}`` for the adapter.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.utils import parametrize

_PARAMETRISED = ".parametrizations.weight."


class LowRank(nn.Module):
    """The parametrisation: (out, in) → (out, in). ``up`` starts at zero, so the layer starts unchanged."""

    scale: Tensor

    def __init__(self, weight: Tensor, rank: int, alpha: float) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.down = nn.Parameter(weight.new_empty(rank, columns))
        self.up = nn.Parameter(weight.new_zeros(rows, rank))
        self.register_buffer("scale", weight.new_tensor(alpha / rank))
        nn.init.kaiming_uniform_(self.down, a=5**0.5)

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * (self.up @ self.down)


def add_low_rank(linear: nn.Linear, rank: int, alpha: float) -> None:
    """Wrap the weight of a linear layer and freeze what it wraps. A second call changes nothing."""
    if parametrize.is_parametrized(linear, "weight"):
        return
    adapter = LowRank(linear.weight.detach(), rank, alpha)
    parametrize.register_parametrization(linear, "weight", adapter)
    for name, parameter in linear.named_parameters():
        parameter.requires_grad_(name.endswith((".down", ".up")))


def merged_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A ``state_dict`` with its adapters added to the weights, under the names of the plain module."""
    merged: dict[str, Tensor] = {}
    for name, value in tensors.items():
        layer, _, part = name.partition(_PARAMETRISED)
        if not part:
            merged[name] = value
        elif part == "original":
            prefix = layer + _PARAMETRISED
            down, up, scale = (tensors[f"{prefix}0.{end}"].float() for end in ("down", "up", "scale"))
            merged[f"{layer}.weight"] = (value.float() + scale * (up @ down)).to(value.dtype)
    return merged
