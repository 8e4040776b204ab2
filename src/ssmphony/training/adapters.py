"""Training only a part of a voice: low-rank adapters, learned first states, and parameters that are frozen by name.

Patterns are regular expressions that must match somewhere in a name, as `named_modules` and `named_parameters` give it
(``model.decoder.layers.3.ff``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field
from torch import nn
from torch.utils import _pytree as pytree

from ssmphony.config import Config
from ssmphony.interfaces import SequenceLayer
from ssmphony.nn.learned_state import LearnedState, add_learned_states, is_learned
from ssmphony.nn.low_rank import add_low_rank
from ssmphony.types import SsmphonyError


def _compiled(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"'{pattern}' is not a regular expression: {error}") from None
    return pattern


Pattern = Annotated[str, AfterValidator(_compiled)]


class LowRankConfig(Config):
    """LoRA (arXiv 2106.09685) on linear layers."""

    rank: int = Field(default=8, ge=1)
    alpha: float = Field(default=16.0, gt=0.0)
    """The adapter's output is multiplied by ``alpha / rank``."""
    layers: tuple[Pattern, ...] = ("",)
    """Linear layers to adapt; by default all of them."""


class AdaptersConfig(Config):
    """What of a model is trained. Adapters are merged into the weights when a voice is exported."""

    low_rank: LowRankConfig | None = None
    """With it, only adapters and what ``train`` names are trained."""
    learned_state: tuple[Pattern, ...] = ()
    """Sequence layers whose first state is learned (arXiv 2503.03499), with the same effect on the rest."""
    freeze: tuple[Pattern, ...] = ()
    """Parameters that keep their values."""
    train: tuple[Pattern, ...] = ()
    """Parameters that are trained although ``freeze`` or ``low_rank`` would keep them."""


def adapt(model: nn.Module, config: AdaptersConfig) -> None:
    """Add the adapters to a model that has its first weights, and freeze what they leave alone.

    Raises `SsmphonyError` for a pattern that matches nothing, and where nothing would be trained.
    """
    linears = {
        name: part
        for name, part in model.named_modules()
        if isinstance(part, nn.Linear) and part.weight.requires_grad  # not of a part that is not trained
    }
    frozen, trained = _matching(model, config.freeze, "freeze"), _matching(model, config.train, "train")
    layers = _named(_with_state(model), config.learned_state, "learned_state")
    for name, parameter in model.named_parameters():
        if config.low_rank is not None or layers or name in frozen:
            parameter.requires_grad_(name in trained)
    if config.low_rank is not None:
        for name in _named(linears, config.low_rank.layers, "low_rank.layers"):
            add_low_rank(linears[name], config.low_rank.rank, config.low_rank.alpha)
    add_learned_states(model, layers)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise SsmphonyError("adapters: every parameter is frozen, so there is nothing to train: change adapters.freeze")


def _with_state(model: nn.Module) -> dict[str, nn.Module]:
    """The innermost sequence layers that are trained, by name: those whose state holds numbers."""
    inside = {id(part.layer) for part in model.modules() if isinstance(part, LearnedState)}
    layers = {
        name: part for name, part in model.named_modules() if isinstance(part, SequenceLayer) and id(part) not in inside
    }
    return {
        name: model.get_submodule(name)
        for name, layer in layers.items()
        if not any(other.startswith(f"{name}.") for other in layers)
        and any(parameter.requires_grad for parameter in model.get_submodule(name).parameters())
        and any(is_learned(leaf) for leaf in pytree.tree_leaves(layer.initial_state(1)))
    }


def _matching(model: nn.Module, patterns: tuple[str, ...], where: str) -> set[str]:
    return _named(dict(model.named_parameters()), patterns, where)


def _named(named: Mapping[str, nn.Module | nn.Parameter], patterns: tuple[str, ...], where: str) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        matches = {name for name in named if re.search(pattern, name)}
        if not matches:
            raise SsmphonyError(f"adapters.{where}: '{pattern}' matches none of {', '.join(sorted(named)[:5])}, …")
        found |= matches
    return found
