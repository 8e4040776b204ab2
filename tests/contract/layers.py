"""Sequence layers at tiny size, for the tests that hold for all of them. A mixer added to the registry is picked up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ssmphony.nn import MIXERS, Block, CausalConv, LearnedState, Stack, StackConfig
from ssmphony.ssm import S4Config, S4DConfig

WIDTH = 4
#: Smaller than the defaults, for speed only: a mixer that is not named here is built with its defaults.
TINY: dict[str, dict[str, Any]] = {
    "s4": {"d_state": 8},
    "s4d": {"d_state": 8},
    "mamba": {"d_state": 4},
    "mamba2": {"d_state": 4, "head_dim": 2, "n_groups": 2},
    "mamba3": {"d_state": 8, "head_dim": 4, "n_groups": 2},
    "gated_deltanet": {"n_heads": 2, "d_key": 3, "d_value": 4},
    "attention": {"n_heads": 2, "window": 40},
    "causal_conv": {"kernel_size": 5, "lookahead": 2},
}


def mixer(kind: str) -> Any:
    return MIXERS[kind](d_model=WIDTH, **TINY.get(kind, {})).build()


def mixed_stack() -> Stack:
    mixers = (S4Config(d_model=WIDTH, d_state=8, n_ssm=2), S4DConfig(d_model=WIDTH, d_state=4, init="legs"))
    return StackConfig(d_model=WIDTH, n_layers=3, mixers=mixers, d_ffn=8, lookahead=3).build()


def looking_ahead_twice() -> Stack:
    return Stack([CausalConv(WIDTH, 3, 2), Block(WIDTH, CausalConv(WIDTH, 5, 1)), Block(WIDTH, mixer("s4d"))])


def hybrid_stack() -> Stack:
    mixers = [mixer(kind).config for kind in ("mamba", "mamba2", "attention")]
    return StackConfig(
        d_model=WIDTH, n_layers=4, mixers=(*mixers, S4Config(d_model=WIDTH, d_state=8)), lookahead=2
    ).build()


def learned() -> Stack:
    """First states that are parameters, and no zeros."""
    mixers = [mixer(kind).config for kind in ("mamba", "attention")]
    config = StackConfig(d_model=WIDTH, n_layers=3, mixers=(*mixers, S4DConfig(d_model=WIDTH)), learned_state=True)
    stack = config.build()
    for layer in stack.modules():
        if isinstance(layer, LearnedState):
            for first in layer.first:
                torch.nn.init.normal_(first)
    return stack


LAYERS: dict[str, Callable[[], Any]] = {
    **{kind: lambda kind=kind: mixer(kind) for kind in MIXERS},
    **{f"block-{kind}": lambda kind=kind: Block(WIDTH, mixer(kind), d_ffn=6) for kind in MIXERS},
    "s4-legt": lambda: S4Config(d_model=WIDTH, d_state=8, n_ssm=2, init="legt").build(),
    "s4d-random": lambda: S4DConfig(d_model=WIDTH, d_state=8, init="random").build(),
    "learned": learned,
    "stack": mixed_stack,
    "lookahead": looking_ahead_twice,
    "hybrid": hybrid_stack,
}

#: One layer of each kind.
ONE_OF_EACH = [*MIXERS, "s4-legt", "learned"]


def build(name: str) -> Any:
    """A layer with weights of a fixed seed."""
    torch.manual_seed(0)
    return LAYERS[name]().eval()
