"""The contract on every sequence layer, at tiny size. A mixer added to the registry is picked up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ssmphony.nn import MIXERS, Block, CausalConv, LearnedState, Stack, StackConfig
from ssmphony.ssm import S4Config, S4DConfig
from tests.contract import contract

WIDTH = 4
#: Smaller than the defaults, for speed only: a mixer that is not named here is built with its defaults.
TINY: dict[str, dict[str, Any]] = {
    "s4": {"d_state": 8},
    "s4d": {"d_state": 8},
    "mamba": {"d_state": 4},
    "mamba2": {"d_state": 4, "head_dim": 2, "n_groups": 2},
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

every_layer = pytest.mark.parametrize("name", LAYERS)


def stream(layer: Any) -> contract.Stream:
    return contract.layer_stream(layer, WIDTH)


@pytest.fixture
def tiny(name: str) -> contract.Stream:
    torch.manual_seed(0)
    return stream(LAYERS[name]().eval())


@every_layer
def test_causality(tiny: contract.Stream) -> None:
    contract.check_causality(tiny)


@every_layer
def test_chunkings(tiny: contract.Stream) -> None:
    with torch.no_grad():
        contract.check_chunkings(tiny)


@every_layer
def test_snapshot(tiny: contract.Stream) -> None:
    contract.check_snapshot(tiny)


@every_layer
def test_slots(tiny: contract.Stream) -> None:
    contract.check_slots(tiny)


@every_layer
def test_batch_and_padding(tiny: contract.Stream) -> None:
    contract.check_batch_and_padding(tiny)


@every_layer
def test_purity(tiny: contract.Stream) -> None:
    with torch.no_grad():
        contract.check_purity(tiny)


@every_layer
def test_lengths(tiny: contract.Stream) -> None:
    contract.check_lengths(tiny)


@every_layer
def test_save_load(name: str, tmp_path: Path) -> None:
    contract.check_save_load(LAYERS[name], stream, tmp_path)


#: Exported in the ordinary run; the others take long (`make test-all`).
QUICK_EXPORTS = ("s4d",)
SLOW_EXPORTS = (
    "s4",
    "lookahead",
    "mamba",
    "mamba2",
    "attention",
    "causal_conv",
    "s4-legt",
    "learned",
    "stack",
    "hybrid",
)


@pytest.mark.integration
@pytest.mark.parametrize(
    "name", [*QUICK_EXPORTS, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_EXPORTS)]
)
def test_export(name: str, tiny: contract.Stream, tmp_path: Path) -> None:
    contract.check_export(tiny, tmp_path)


#: One layer of each kind, which is what the compiler and the exporters must take without a break.
ONE_OF_EACH = [*MIXERS, "s4-legt", "learned"]
one_quick_kind = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "mamba" else pytest.mark.slow) for name in ONE_OF_EACH]
)


@pytest.mark.integration
@one_quick_kind
def test_export_of_one_step(tiny: contract.Stream, tmp_path: Path) -> None:
    contract.check_export(tiny, tmp_path, block=1)


@pytest.mark.integration
@one_quick_kind
@torch.no_grad()
def test_traces_without_graph_breaks(name: str) -> None:
    """As `torch.compile` and `torch.export` see the layer: one graph, for a sequence and for a step."""
    torch.manual_seed(0)
    layer = LAYERS[name]().eval()
    contract.check_compiled(layer, WIDTH, backend="eager")
    contract.check_exported_program(layer, WIDTH)


@pytest.mark.slow
@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_compiles(name: str) -> None:
    """With the real backend, and its gradients too."""
    torch.manual_seed(0)
    contract.check_compiled(LAYERS[name]().eval(), WIDTH, backend="inductor")


@every_layer
def test_determinism(tiny: contract.Stream) -> None:
    with torch.no_grad():
        contract.check_stream_determinism(tiny)


@every_layer
def test_edges(tiny: contract.Stream) -> None:
    contract.check_edges(tiny)


@every_layer
def test_resets(name: str) -> None:
    torch.manual_seed(0)
    contract.check_resets(LAYERS[name]().eval(), WIDTH)
