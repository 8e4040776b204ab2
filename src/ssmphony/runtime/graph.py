"""One ONNX graph with explicit state.

Inputs named ``state_0`` … ``state_n`` and outputs named ``new_state_0`` … ``new_state_n`` are the state; it is
passed in and returned, and a fresh one is zeros. The first axis of everything is the batch.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ssmphony.types import SsmphonyError

Array = npt.NDArray[Any]
Arrays = tuple[Array, ...]

_DTYPES: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
}


def default_threads() -> int:
    """``$SSMPHONY_THREADS``, or two, or one on a machine with one core."""
    value = os.environ.get("SSMPHONY_THREADS", "")
    if not value:
        return min(2, os.cpu_count() or 1)
    if not value.isdigit() or int(value) < 1:
        raise SsmphonyError(f"SSMPHONY_THREADS={value}: give a number of threads, 1 or more")
    return int(value)


class Graph:
    """An ONNX Runtime session. Pure, so threads may share it.

    Raises `SsmphonyError` when ONNX Runtime refuses the graph.
    """

    def __init__(
        self, model: bytes, name: str, threads: int | None = None, names: Mapping[str, str] | None = None
    ) -> None:
        """``names``: the graph's own names of inputs and outputs → those that callers use, where they differ."""
        self.name = name
        self._session = _session(model, name, threads or default_threads())
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        called = names or {}
        by_name: dict[str, Any] = {called.get(str(node.name), str(node.name)): node for node in inputs}
        results: dict[str, Any] = {called.get(str(node.name), str(node.name)): node for node in outputs}
        self.inputs = tuple(name for name in by_name if not name.startswith("state_"))
        self.outputs = tuple(name for name in results if not name.startswith("new_state_"))
        self._inputs, self._outputs = by_name, results
        count = len(inputs) - len(self.inputs)
        if {f"new_state_{i}" for i in range(count)} != set(results) - set(self.outputs):
            raise SsmphonyError(f"{name}: its new_state outputs do not match its state inputs; export the voice again")
        self._states = [by_name[f"state_{i}"] for i in range(count)]
        self._fetches = [results[name].name for name in (*self.outputs, *(f"new_state_{i}" for i in range(count)))]
        self._one_row = by_name[self.inputs[0]].shape[0] == 1

    def channels(self, output: str) -> int:
        """The last, static axis of an output."""
        return self._outputs[output].shape[-1]

    def shape(self, name: str) -> tuple[int | str | None, ...]:
        """The shape of an input; an axis that is no number is dynamic."""
        return tuple(self._inputs[name].shape)

    def initial_state(self, batch: int) -> Arrays:
        """Zeros, (batch, …) each."""
        return tuple(np.zeros((batch, *node.shape[1:]), _DTYPES[node.type]) for node in self._states)

    def run(self, inputs: Mapping[str, Array], state: Arrays = ()) -> tuple[Arrays, Arrays]:
        """Outputs, in the order of ``self.outputs``, and the new state."""
        feeds = {self._inputs[name].name: value for name, value in inputs.items()}
        feeds |= {f"state_{i}": value for i, value in enumerate(state)}
        batch = len(next(iter(feeds.values())))
        if self._one_row and batch > 1:  # exported for one row at a time
            rows = [self._run({key: value[i : i + 1] for key, value in feeds.items()}) for i in range(batch)]
            results = [np.concatenate(parts) for parts in zip(*rows, strict=True)]
        else:
            results = self._run(feeds)
        return tuple(results[: len(self.outputs)]), tuple(results[len(self.outputs) :])

    def _run(self, feeds: Mapping[str, Array]) -> list[Array]:
        return self._session.run(self._fetches, dict(feeds))


def _session(model: bytes, name: str, threads: int) -> Any:
    # loading it takes longer than everything else, so only whoever speaks pays; it ships without types
    onnxruntime: Any = importlib.import_module("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves a busy machine
    options.enable_mem_pattern = False  # lengths vary: a plan for each would only be kept, never reused
    options.enable_cpu_mem_arena = False  # no faster here, and it never gives memory back
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the binding raises bare pybind classes
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SsmphonyError(
            f"{name}: ONNX Runtime {onnxruntime.__version__} cannot load this graph ({reason:.120}); "
            "update onnxruntime or export the voice again"
        ) from None
    vars(session).pop("_model_bytes", None)  # kept only to build the session anew: the size of the file once more
    return session
