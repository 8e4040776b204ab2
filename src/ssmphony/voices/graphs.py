"""A PyTorch module with explicit state becomes an ONNX graph: ``state_0`` … in, ``new_state_0`` … out."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.interfaces import State
from ssmphony.voices.weights import LARGE

OPSET = 20


class FlatState:
    """A state as the tensors that hold something, and back: ONNX takes no empty ones."""

    def __init__(self, state: State) -> None:
        self.template: list[Tensor] = []
        self.template, self.spec = pytree.tree_flatten(state)

    def flatten(self, state: State) -> list[Tensor]:
        leaves = pytree.tree_leaves(state)
        return [leaf for leaf, like in zip(leaves, self.template, strict=True) if like.numel()]

    def unflatten(self, tensors: tuple[Tensor, ...], batch: int) -> State:
        left = iter(tensors)
        leaves = [next(left) if like.numel() else like.new_zeros(batch, *like.shape[1:]) for like in self.template]
        return pytree.tree_unflatten(leaves, self.spec)


def write_graph(
    module: nn.Module,
    inputs: Mapping[str, Tensor],
    state: Sequence[Tensor],
    axes: Sequence[Any],
    outputs: Sequence[str],
    path: Path,
    named: int | None = None,
) -> Path:
    """Trace, fold what is small and depends on parameters alone, and save one graph with its weights inside. Larger
    tables are folded by ONNX Runtime when it loads the graph: the file holds only what they are computed from.

    ``module`` takes the inputs by position, then the tensors of the state as ``*state``; where only the first ``named``
    inputs have a name of their own in it, the others come before the state in the same ``*``. It returns the outputs,
    then the tensors of the new state. ``axes``: of each input and state tensor, its dynamic axes.
    """
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass
    from onnxscript import optimizer

    states = [f"state_{index}" for index in range(len(state))]
    arguments = list(inputs)
    own = len(arguments) if named is None else named
    shapes: Any = tuple(axes) if not state else (*axes[:own], tuple(axes[own:]))
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            module.eval(),
            (*inputs.values(), *state),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=shapes,
            input_names=[*arguments, *states],
            output_names=[*outputs, *(f"new_{name}" for name in states)],
            optimize=False,
            verbose=False,
        )
        assert program is not None
        optimizer.optimize_ir(program.model, output_size_limit=LARGE)
    for value, name in zip(program.model.graph.inputs, [*arguments, *states], strict=True):
        value.name = name  # the optimiser renames those that are returned as they are
    # it holds the lines of code behind every node, with the paths of this machine's files
    ClearMetadataAndDocStringPass()(program.model)
    graph = program.model_proto
    _shrink(graph)
    path.write_bytes(graph.SerializeToString())
    return path


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
