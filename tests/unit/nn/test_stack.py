"""Convolutions with lookahead, blocks and stacks: what waits for what."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ssmphony.config import parse
from ssmphony.nn import Block, CausalConv, Stack, StackConfig
from ssmphony.ssm import S4DConfig
from ssmphony.types import SsmphonyError
from tests.contract.contract import assert_close, layer_stream, speak


def test_lookaheads_add_up_and_edges_are_zero_padding() -> None:
    """A stack equals its convolutions applied to the whole sequence with zero padding at every level.

    The second convolution must see zeros after the end, not the first one's answer to what was fed there.
    """
    torch.manual_seed(0)
    first, second = CausalConv(4, 5, 2), CausalConv(4, 3, 1)
    stack = Stack([first, Block(4, second)])
    assert stack.lookahead == 3
    x = torch.randn(2, 12, 4)

    def whole(layer: CausalConv, x: torch.Tensor) -> torch.Tensor:
        ahead = layer.lookahead
        padded = F.pad(x.transpose(1, 2), (layer.conv.context - ahead, ahead))
        return F.conv1d(padded, layer.conv.weight, layer.conv.bias, groups=4).transpose(1, 2)

    middle = whole(first, x)
    block = stack.layers[1]
    assert isinstance(block.norm, nn.LayerNorm)
    expected = middle + whole(second, block.norm(middle))
    assert_close(speak(layer_stream(stack, 4), x), expected)


def test_stack_from_a_config() -> None:
    data = {
        "d_model": 8,
        "n_layers": 3,
        "mixers": [{"kind": "s4d", "d_model": 8, "d_state": 4}, {"kind": "s4", "d_model": 8, "d_state": 4}],
        "lookahead": 2,
    }
    stack = parse(StackConfig, data).build()
    assert stack.lookahead == 2
    kernels = [type(layer.mixer.kernel).__name__ for layer in list(stack.layers)[1:]]  # type: ignore[union-attr]
    assert kernels == ["S4DKernel", "S4Kernel", "S4DKernel"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mixers": [{"kind": "s5", "d_model": 8}]}, "s5"),
        ({"mixers": [{"kind": "s4d", "d_model": 4}]}, "d_model"),
        ({"mixers": []}, "at least 1 item"),
        ({"n_layer": 2}, "did you mean 'n_layers'"),
    ],
)
def test_wrong_configs_are_named(change: dict[str, object], message: str) -> None:
    data = {"d_model": 8, "n_layers": 1, "mixers": [{"kind": "s4d", "d_model": 8}], **change}
    with pytest.raises(SsmphonyError, match=message):
        parse(StackConfig, data)


def test_exported_step_holds_no_transcendental_of_weights(tmp_path: Path) -> None:
    """ONNX Runtime folds the block matrices at load: nothing of the parameters is computed again at each call."""
    onnx, ort = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    layer = S4DConfig(d_model=8, d_state=4).build().eval()
    x, mask, state = torch.randn(1, 32, 8), torch.ones(1, 32, dtype=torch.bool), layer.initial_state(1)
    program = torch.onnx.export(layer, (x, state, mask), dynamo=True, verbose=False)
    assert program is not None
    program.save(tmp_path / "step.onnx")
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    ort.InferenceSession(tmp_path / "step.onnx", options)
    operators = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
    assert not operators & {"Exp", "Cos", "Sin", "Gather", "Expand"}
    assert "MatMul" in operators
