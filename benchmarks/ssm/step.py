"""One step of twelve Mamba layers (D 256), as decoding takes it: ours, ONNX Runtime on our export, transformers.

All hold the same weights and are fed their own state. transformers' blocks get our LayerNorm, so that outputs can be
compared (it costs less than their own norm written out in Python).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.ssm.peers import have
from ssmphony.config import parse
from ssmphony.nn import BlockState, Stack, StackConfig, StackState
from ssmphony.nn.decode import DecodeStack
from ssmphony.ssm import MambaState

LAYERS, D_MODEL = 12, 256
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
