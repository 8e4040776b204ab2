"""One step of twelve Mamba layers (D 256), as decoding takes it: ours, ONNX Runtime on our export, transformers.

All hold the same weights and are fed their own state. transformers' blocks get our LayerNorm, so that outputs can be
compared (it costs less than their own norm written out in Python).
"""

from __future__ import annotations

import functools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.machine import THREADS
from benchmarks.ssm.peers import DIFFERENCE, have
from benchmarks.ssm.timing import BUDGET_S
from ssmphony.config import parse
from ssmphony.nn import BlockState, Stack, StackConfig, StackState
from ssmphony.nn.decode import DecodeStack
from ssmphony.ssm import MambaState

LAYERS, D_MODEL = 12, 256
DIFFERENCE_INT8 = 3e-2
"""`DIFFERENCE`, of weights in 8 bits."""
STEPS = 200
"""That are timed, of each form."""
Row = dict[str, Any]
#: Takes (batch, 1, channel), gives the same, and keeps the state for the next call.
Stepper = Callable[[Tensor], Tensor]


def make_stack(layers: int = LAYERS) -> Stack:
    torch.manual_seed(0)
    data = {"d_model": D_MODEL, "n_layers": layers, "mixers": ["mamba"]}
    return parse(StackConfig, data).build().eval().requires_grad_(False)


def steppers(stack: Stack, batch: int, threads: int) -> dict[str, Stepper]:
    """Name → form; ours first. A peer whose package is not installed is left out."""
    found: dict[str, Stepper] = {"DecodeStack": ours(DecodeStack(stack), batch)}  # with the threads that it chooses
    for count in range(1, threads + 1):
        found[f"DecodeStack, threads={count}"] = ours(DecodeStack(stack, count), batch)
    found["DecodeStack, int8"] = ours(DecodeStack(stack, 1, torch.int8), batch)
    found["Stack"] = ours(stack, batch)
    if have("onnxruntime") and have("onnxscript"):
        found["ONNX Runtime"] = onnx_runtime(stack, batch, threads)
        found["ONNX Runtime, int8"] = onnx_runtime(stack, batch, threads, int8=True)
    if have("transformers"):
        found["transformers"] = transformers_model(stack)
    return found


def ours(stack: Stack | DecodeStack, batch: int) -> Stepper:
    state, mask = stack.initial_state(batch), torch.ones(batch, 1, dtype=torch.bool)

    def step(x: Tensor) -> Tensor:
        nonlocal state
        y, state = stack.forward(x, state, mask)
        return y

    return step


class FlatStep(nn.Module):
    """The stack for export: one step, two tensors of state a layer."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, x: Tensor, *flat: Tensor) -> tuple[Tensor, ...]:
        residual = x.new_zeros(x.shape[0], 0, D_MODEL)
        queue = torch.zeros(x.shape[0], 0, dtype=torch.bool)
        layers = tuple(BlockState(MambaState(*pair), residual) for pair in zip(flat[::2], flat[1::2], strict=True))
        state = StackState(layers, tuple(queue for _ in layers))
        y, state = self.stack(x, state, torch.ones(x.shape[:2], dtype=torch.bool))
        return y, *(part for block in state.layers for part in block.mixer)


def onnx_runtime(stack: Stack, batch: int, threads: int, int8: bool = False) -> Stepper:
    """``int8``: its dynamic quantisation, with a scale for each output of a matrix, as ours."""
    import onnxruntime as ort
    from onnxruntime.quantization import quantize_dynamic

    flat = tuple(part for block in stack.initial_state(batch).layers for part in block.mixer)
    program = torch.onnx.export(
        FlatStep(stack).eval(), (torch.zeros(batch, 1, D_MODEL), *flat), dynamo=True, verbose=False
    )
    assert program is not None
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder:
        program.save(path := Path(folder) / "step.onnx")
        if int8:
            quantize_dynamic(path, path := Path(folder) / "int8.onnx", per_channel=True)
        session = ort.InferenceSession(path, options)
    names = [node.name for node in session.get_inputs()]
    state = [part.numpy() for part in flat]

    def step(x: Tensor) -> Tensor:
        nonlocal state
        y, *state = session.run(None, dict(zip(names, (x.numpy(), *state), strict=True)))
        return torch.from_numpy(y)

    return step


def transformers_model(stack: Stack) -> Stepper:
    from transformers import MambaConfig, MambaModel

    layers: Any = stack.layers
    model = MambaModel(MambaConfig(hidden_size=D_MODEL, num_hidden_layers=len(layers), vocab_size=2)).eval()
    for block, theirs in zip(layers, model.layers, strict=True):
        weights = dict(block.mixer.state_dict())
        weights["conv1d.weight"] = weights.pop("conv.weight").unsqueeze(1)
        weights["conv1d.bias"] = weights.pop("conv.bias")
        weights["dt_proj.bias"] = weights.pop("dt_bias")
        theirs.mixer.load_state_dict(weights)
        theirs.norm = block.norm
    model.norm_f = nn.Identity()
    cache: Any = None

    def step(x: Tensor) -> Tensor:
        nonlocal cache
        answer = model(inputs_embeds=x, cache_params=cache, use_cache=True)
        cache = answer.cache_params
        return answer.last_hidden_state

    return step


def step_bytes(stack: Stack, batch: int) -> int:
    """Every weight once, and the states read and written."""
    states = sum(part.numel() for block in stack.initial_state(batch).layers for part in block.mixer)
    return 4 * (sum(parameter.numel() for parameter in stack.parameters()) + 2 * states)


def step_operations(stack: Stack, batch: int) -> int:
    """A multiplication and an addition for each weight of a matrix and row; the recurrence is a twentieth of that."""
    return 2 * batch * sum(parameter.numel() for parameter in stack.parameters() if parameter.ndim == 2)


def measure(rounds: int, quick: bool) -> list[Row]:
    """Medians of single steps, batch by batch; the outputs of the first steps are compared with the stack's."""
    stack = make_stack()
    rows: list[Row] = []
    for batch in (1,) if quick else (1, 8):
        forms = steppers(stack, batch, THREADS)
        errors = dict.fromkeys(forms, 0.0)
        with torch.no_grad():
            for _ in range(5):
                x = torch.randn(batch, 1, D_MODEL)
                outputs = {name: form(x) for name, form in forms.items()}
                for name, y in outputs.items():
                    error = float((y - outputs["Stack"]).abs().max() / outputs["Stack"].abs().max())
                    errors[name] = max(errors[name], error)
                    if not error <= (DIFFERENCE_INT8 if "int8" in name else DIFFERENCE):
                        raise AssertionError(f"a step of {name} is {error:.1e} away from the stack's")
            seconds = turns({name: functools.partial(form, x) for name, form in forms.items()}, rounds)
        rows.append(
            {
                "batch": batch,
                "ms": {name: median(taken) * 1e3 for name, taken in seconds.items()},
                "ms_least": {name: min(taken) * 1e3 for name, taken in seconds.items()},
                "error": errors,
                "rounds": {name: len(taken) for name, taken in seconds.items()},
                "bytes": step_bytes(stack, batch),
                "operations": step_operations(stack, batch),
            }
        )
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return rows


def turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Turns of many steps each: a form decodes with its own weights in the cache, as it does in use."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begin, spent = len(seconds[name]), time.perf_counter()
            call()
            while len(seconds[name]) - begin < STEPS // rounds and time.perf_counter() - spent < BUDGET_S:
                started = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - started)
    return seconds
