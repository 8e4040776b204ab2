"""Constants of a voice's graphs in fewer bits than they were computed with: tables in float16, filters in 8, and the
weights of products in 8 where codes are chosen from what is computed.

All of them are floats again once a graph is loaded: nothing is computed in fewer bits, and nothing takes longer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from ssmphony.interfaces import Array

SMALLEST = 1024
"""Elements of the constants that are worth it."""
CHOOSING = frozenset({"predictor", "codes", "codec_encoder"})
"""Graphs after which a code is drawn, or rounded to: they bear weights in 8 bits. Elsewhere these were heard
(docs/log.md#fish-voice)."""
_STEPS = 127


def compact(folder: Path) -> dict[str, Path]:
    """Rewrite the graphs of the voice in ``folder``; returns their paths by name. The manifest is left as it is."""
    paths = {path.stem: path for path in sorted(folder.glob("*.onnx"))}
    for path in paths.values():
        _rewrite(path)
    return paths


def _rewrite(path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    channels = _output_axes(graph.node, path.stem in CHOOSING)
    halves = {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Cast"}
    nodes: list[Any] = []
    replaced: set[str] = set()
    for constant in list(graph.initializer):
        if math.prod(constant.dims) < SMALLEST or constant.data_type not in (TensorProto.FLOAT, TensorProto.FLOAT16):
            continue
        stored, used = constant.name, halves.get(constant.name, constant.name)
        values = numpy_helper.to_array(constant)
        if used in channels:
            whole, steps = _in_bytes(values.astype(np.float32), channels[used])
            constant.CopyFrom(numpy_helper.from_array(whole, f"{used}_bytes"))
            graph.initializer.append(numpy_helper.from_array(steps, f"{used}_steps"))
            nodes.append(helper.make_node("Cast", [f"{used}_bytes"], [f"{used}_whole"], to=TensorProto.FLOAT))
            nodes.append(helper.make_node("Mul", [f"{used}_whole", f"{used}_steps"], [used]))
            replaced.add(stored)
        elif values.dtype == np.float32 and np.abs(values).max() < np.finfo(np.float16).max:
            constant.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{stored}_half"))
            nodes.append(helper.make_node("Cast", [constant.name], [stored], to=TensorProto.FLOAT))
    nodes += [node for node in graph.node if not (node.op_type == "Cast" and node.input[0] in replaced)]
    del graph.node[:]
    graph.node.extend(nodes)
    path.write_bytes(model.SerializeToString())


def _output_axes(nodes: Iterable[Any], products: bool) -> dict[str, int]:
    """Filters, and with ``products`` weights of matrix products, by name: the axis of their output channels."""
    axes: dict[str, int] = {}
    for node in nodes:
        if node.op_type == "Conv":
            axes[node.input[1]] = 0
        elif products and node.op_type == "MatMul":
            axes[node.input[1]] = -1
        elif products and node.op_type == "Gemm":
            transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
            axes[node.input[1]] = 0 if transposed else 1
    return axes


def _in_bytes(weights: Array, channels: int) -> tuple[Array, Array]:
    """Integers and their steps: one for each index on the axis ``channels``."""
    kept = channels % weights.ndim
    axes = tuple(axis for axis in range(weights.ndim) if axis != kept)
    steps = np.maximum(np.abs(weights).max(axis=axes, keepdims=True), 1e-8) / _STEPS
    return np.round(weights / steps).astype(np.int8), steps.astype(np.float32)
