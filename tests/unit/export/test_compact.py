"""Graphs in fewer bits: which constants change, how, and that the graph still computes nearly the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ssmphony.export.compact import compact
from ssmphony.interfaces import Array
from ssmphony.runtime.graph import Graph

RANDOM = np.random.default_rng(0)
FILTERS = RANDOM.standard_normal((16, 16, 7)).astype(np.float32)
TABLE = RANDOM.standard_normal((16, 80)).astype(np.float32)
SMALL = RANDOM.standard_normal((16, 1)).astype(np.float32)
HUGE = np.full((16, 80), 1e6, np.float32)


def graph(folder: Path, in_half: bool) -> Path:
    """y = conv(x) · table + small; ``in_half``: filters are already stored as float16."""
    held = {"table": TABLE, "small": SMALL, "huge": HUGE}
    stored = {"filters_half": FILTERS.astype(np.float16)} if in_half else {"filters": FILTERS}
    nodes = [helper.make_node("Cast", ["filters_half"], ["filters"], to=TensorProto.FLOAT)] if in_half else []
    nodes += [
        helper.make_node("Conv", ["x", "filters"], ["a"], pads=[3, 3]),
        helper.make_node("MatMul", ["a", "table"], ["b"]),
        helper.make_node("Add", ["b", "small"], ["c"]),
        helper.make_node("Add", ["c", "huge"], ["d"]),
        helper.make_node("Sub", ["d", "huge"], ["y"]),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 16, 16])],
        [helper.make_tensor_value_info("c", TensorProto.FLOAT, None), helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(value, name) for name, value in (held | stored).items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path = folder / "decoder.onnx"
    onnx.save(model, path)
    return path


def output(path: Path) -> Array:
    x = np.linspace(-1.0, 1.0, 256, dtype=np.float32).reshape(1, 16, 16)
    return Graph(path.read_bytes(), "decoder", 1).run({"x": x})[0][0]


@pytest.mark.parametrize("in_half", [False, True])
def test_filters_in_8_bits_and_tables_in_16(tmp_path: Path, in_half: bool) -> None:
    path = graph(tmp_path, in_half)
    before, size = output(path), path.stat().st_size
    assert compact(tmp_path) == {"decoder": path}
    kinds = {tensor.name: tensor.data_type for tensor in onnx.load(path).graph.initializer}
    assert kinds["filters_bytes"] == TensorProto.INT8
    assert kinds["table_half"] == TensorProto.FLOAT16
    assert kinds["small"] == TensorProto.FLOAT, "too small to be worth it"
    assert kinds["huge"] == TensorProto.FLOAT, "float16 has no such numbers"
    assert path.stat().st_size < size - FILTERS.size * (1 if in_half else 3) - TABLE.size
    after = output(path)
    assert 0.0 < np.abs(after - before).max() < 0.02 * np.abs(before).max()


def test_products_in_8_bits_before_a_choice(tmp_path: Path) -> None:
    path = graph(tmp_path, in_half=False).rename(tmp_path / "predictor.onnx")
    before = output(path)
    compact(tmp_path)
    kinds = {tensor.name: tensor.data_type for tensor in onnx.load(path).graph.initializer}
    assert kinds["table_bytes"] == TensorProto.INT8
    assert 0.0 < np.abs(output(path) - before).max() < 0.03 * np.abs(before).max()


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    path = graph(tmp_path, in_half=True)
    compact(tmp_path)
    once = path.read_bytes()
    compact(tmp_path)
    assert path.read_bytes() == once
