"""The contract on every sequence layer, at tiny size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.contract import contract
from tests.contract.layers import LAYERS, ONE_OF_EACH, WIDTH, build

every_layer = pytest.mark.parametrize("name", LAYERS)


def stream(layer: Any) -> contract.Stream:
    return contract.layer_stream(layer, WIDTH)


@pytest.fixture
def tiny(name: str) -> contract.Stream:
    return stream(build(name))


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


#: What the compiler and the exporters must take without a break.
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
