"""A declared graph becomes an ONNX file: its state is ``state_0`` … in, ``new_state_0`` … out."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.export.bounded import bounded
from ssmphony.export.fixed import fixed
from ssmphony.export.fixed_block import fixed_blocks
from ssmphony.export.offset import offset_states
from ssmphony.export.weights import LARGE
from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.runtime.graph import Graph
from ssmphony.types import SsmphonyError

OPSET = 20
MAX_BATCH = 1024


class _Flat(nn.Module):
    """The declared module with tensors alone going in and out. ONNX takes no empty ones: they are left out."""

    def __init__(self, spec: GraphSpec) -> None:
        super().__init__()
        module = spec.module
        if spec.longest is not None:
            module = fixed(module, spec.longest)
        if spec.steps is not None:
            module = fixed_blocks(module, spec.steps)
        if spec.most_steps is not None:
            module = bounded(module, spec.most_steps)
        self.module = offset_states(module)
        self.n_inputs = len(spec.inputs)
        self.template: list[Tensor] | None = None
        if spec.state is not None:
            self.template, self.structure = pytree.tree_flatten(spec.state)

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        inputs = tensors[: self.n_inputs]
        if self.template is None:
            return _tuple(self.module(*inputs))
        left, batch = iter(tensors[self.n_inputs :]), tensors[0].shape[0]
        leaves = [next(left) if like.numel() else like.new_zeros(batch, *like.shape[1:]) for like in self.template]
        outputs, state = self.module(*inputs, pytree.tree_unflatten(leaves, self.structure))
        results = _tuple(outputs)
        new = zip(pytree.tree_leaves(state), self.template, strict=True)
        kept = (leaf for leaf, like in new if like.numel())
        # a tensor that is an output and a part of the state has two names
        return (*results, *(leaf.clone() if any(leaf is output for output in results) else leaf for leaf in kept))


def _tuple(outputs: Any) -> tuple[Tensor, ...]:
    return (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)


def write_graph(spec: GraphSpec, folder: Path) -> Path:
    """Write ``folder/<name>.onnx``: traced, folded where something small depends on parameters alone, weights inside.

    Larger tables are folded by ONNX Runtime when it loads the graph: the file holds only what they are computed from.
    Raises `SsmphonyError` where the graph takes no other lengths than the traced ones.
    """
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass
    from onnxscript import optimizer

    tensors = [leaf for leaf in pytree.tree_leaves(spec.state) if leaf.numel()] if spec.state is not None else []
    states = [f"state_{index}" for index in range(len(tensors))]
    names = [*spec.inputs, *states]
    batch, lengths = torch.export.Dim("batch", max=MAX_BATCH), dict[str, Any]()
    shapes = [{0: batch, **_lengths(spec.axes.get(name, {}), lengths)} for name in names]
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            _Flat(spec).eval(),
            (*spec.inputs.values(), *tensors),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=(tuple(shapes),),
            input_names=names,
            output_names=[*spec.outputs, *(f"new_{name}" for name in states)],
            optimize=False,
            verbose=False,
        )
        assert program is not None
        optimizer.optimize_ir(program.model, output_size_limit=LARGE)
    for value, name in zip(program.model.graph.inputs, names, strict=True):
        value.name = name  # the optimiser renames those that are returned as they are
    # it holds the lines of code that every node comes from, with the paths of this machine's files
    ClearMetadataAndDocStringPass()(program.model)
    graph = program.model_proto
    _shrink(graph)
    path = folder / f"{spec.name}.onnx"
    path.write_bytes(graph.SerializeToString())
    if spec.axes:
        _check_other_lengths(spec, path)
    return path


def _lengths(axes: Any, known: dict[str, Any]) -> dict[int, Any]:
    """Axes as the exporter takes them; those of one name are one."""
    found: dict[int, Any] = {}
    for index, axis in axes.items():
        if axis.name not in known:
            known[axis.name] = torch.export.Dim(axis.name, min=axis.min_length, max=axis.max_length)
        found[index] = known[axis.name] if axis.multiple == 1 else axis.multiple * known[axis.name]
    return found


def _check_other_lengths(spec: GraphSpec, path: Path) -> None:
    """A layer whose loop is unrolled is exported without an error, and takes inputs of the traced length only."""
    inputs = {name: _longer(value, spec.axes.get(name, {})) for name, value in spec.inputs.items()}
    graph = Graph(path.read_bytes(), spec.name, 1)
    try:
        graph.run(inputs, graph.initial_state(1))
    except Exception as error:  # ONNX Runtime has no class of its own for what a node cannot do
        raise SsmphonyError(
            f"the {spec.name} cannot be exported for inputs of any length: a layer in it unrolls its loop; train with "
            "others, such as attention or mamba2"
        ) from error


def _longer(value: Tensor, axes: Any) -> np.ndarray[Any, Any]:
    """One row of an example, repeated to other lengths of its free axes."""
    row = value[:1].numpy()
    for index, axis in axes.items():
        length = _other(row.shape[index] // axis.multiple, axis) * axis.multiple
        row = row.take(np.arange(length) % row.shape[index], axis=index)
    return row


def _other(length: int, axis: Axis) -> int:
    return min(2 * length + 1, axis.max_length)


def _shrink(graph: Any) -> None:
    """Store every large constant that float16 holds exactly as float16, and cast it when the graph is loaded.

    The weights were rounded to float16 before, so nothing is lost; what was computed from them stays float32.
    """
    import onnx

    casts: list[Any] = []
    for constant in graph.graph.initializer:
        if constant.data_type != onnx.TensorProto.FLOAT or math.prod(constant.dims) < LARGE:
            continue
        values = onnx.numpy_helper.to_array(constant)
        half = values.astype("float16")
        if not (half.astype("float32") == values).all():
            continue
        name = constant.name
        constant.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}_half"))
        casts.append(onnx.helper.make_node("Cast", [constant.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = list(graph.graph.node)
    del graph.graph.node[:]
    graph.graph.node.extend([*casts, *nodes])


@contextmanager
def _quiet() -> Generator[None, None, None]:
    """Without the exporter's progress notes."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
