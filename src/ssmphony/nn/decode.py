"""A whole stack of blocks as one compiled call, for decoding a step at a time: float32, inference only.

A step of a stack in PyTorch is some thirty operations a layer, each of which costs more to start than to compute. Here
the weights lie in one buffer in the order of reading, and one function (``scan/decode.cpp``) runs through all layers.
"""

from __future__ import annotations

import copy
import math
import mmap
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.interfaces import SequenceLayer
from ssmphony.nn.block import Block, BlockState, FeedForward
from ssmphony.nn.stack import Stack, StackState
from ssmphony.ssm.mamba import Mamba
from ssmphony.ssm.mamba2 import Mamba2
from ssmphony.ssm.masking import check
from ssmphony.ssm.output import GatedOutput
from ssmphony.ssm.reset import in_pieces
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4_layer import StateSpaceMixer
from ssmphony.ssm.s4d import S4DKernel
from ssmphony.ssm.scan import cpu
from ssmphony.ssm.scan.native import address, addresses, int64, require
from ssmphony.types import SsmphonyError

#: Outputs of a panel, inputs that are multiplied at once in 8 bits, and bytes between the beginnings of parameters;
#: `PANEL` and `QUAD` of matrix.h, `ALIGNMENT` of decode.cpp.
PANEL = 32
QUAD = 4
ALIGNMENT = 64
#: `Storage` of matrix.h.
STORAGE = {torch.float32: 0, torch.bfloat16: 1, torch.int8: 2}
#: Steps with each number of threads, to find the faster.
TRIALS = 11
#: `Kind` of decode.cpp.
MAMBA, MAMBA2, STATE_SPACE, FEED_FORWARD = range(4)


class DecodeStack(SequenceLayer):
    """A `Stack` compiled for stepping: the same ``forward`` and the same state, so that one can take over from the
    other at any step. Use the stack for a prompt, and this for the steps after it.

    It holds a **copy** of the weights as they were when it was made: build a new one after they have changed. Blocks of
    Mamba, Mamba-2, S4 and S4D with or without feed-forward can be compiled; dropout is left out. No gradients.

    ``threads`` None takes one thread or PyTorch's number of them, whichever is faster for one row when this is made.
    Two are faster on otherwise idle cores; on busy ones they wait for each other at every layer.

    ``weights`` bfloat16 or int8 stores the matrices so, int8 with a scale for each output: a step takes about as long
    as it takes to read them. With int8 the inputs of a product are rounded too, with a scale for each 32 of them, and
    the products are those of integers. All else, states included, is float32. Outputs then differ from the stack's by
    about 1e-3 and 1e-2 of the largest.

    Raises `SsmphonyError` if a layer cannot be compiled, or nothing can: use the stack itself then.
    """

    def __init__(self, stack: Stack, threads: int | None = None, weights: torch.dtype = torch.float32) -> None:
        if weights not in STORAGE:
            raise SsmphonyError(f"a DecodeStack stores weights as float32, bfloat16 or int8, not as {weights}")
        blocks = [_require_block(layer) for layer in stack.layers]
        parts = [part for block in blocks for part in _parts(block)]
        if not cpu.ready():
            raise SsmphonyError("a DecodeStack needs a C++ compiler: install one, or run the Stack itself")
        self.d_model = blocks[0].d_model
        self.program = torch.tensor([part.numbers for part in parts], device="cpu")
        self.weights = _in_one_buffer(
            [part for each in parts for value in each.weights for part in _stored(value, weights)]
        )
        self.storage = STORAGE[weights]
        sizes = map(int64, (len(parts), self.d_model, self.storage))
        expected = cpu.library().ssmphony_decode_parameters(address(self.program), *sizes)
        if expected != self.weights.numel():
            raise RuntimeError(f"{self.weights.numel()} bytes were packed, and the compiled code reads {expected}")
        self._no_rows = stack.initial_state(0)
        self._parts = [part.shape[1:] for block in self._no_rows.layers for part in block.mixer]
        self.threads = threads or self._faster((1, torch.get_num_threads()))

    def initial_state(self, batch: int) -> StackState:
        return _map(lambda part: part.new_zeros(batch, *part.shape[1:], device="cpu"), self._no_rows)

    def __call__(
        self, x: Tensor, state: StackState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, StackState]:
        """As `forward`."""
        return self.forward(x, state, mask, reset)

    def forward(
        self, x: Tensor, state: StackState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, StackState]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset)
        if reset is not None:
            return in_pieces(self, x, state, mask, reset)
        if x.shape[2] != self.d_model:
            raise ValueError(f"this stack has {self.d_model} channels, got {tuple(x.shape)}")
        before, _ = require(part.detach() for block in state.layers for part in block.mixer)
        for part, like in zip(before, self._parts, strict=True):
            if part.shape != (len(x), *like):
                raise ValueError(f"a state does not fit its layer: {tuple(part.shape)}, expected {(len(x), *like)}")
        (x,), present = require((x.detach(),), mask)
        y, after = torch.empty_like(x), [torch.empty_like(part) for part in before]
        cpu.library().ssmphony_decode(
            *(address(part) for part in (self.weights, self.program)),
            int64(len(self.program)),
            address(x),
            address(present),
            addresses(before),
            addresses(after),
            address(y),
            *map(int64, (*x.shape, self.threads, self.storage)),
        )
        parts = iter(after)
        layers = [BlockState(type(old.mixer)(*(next(parts) for _ in old.mixer)), old.residual) for old in state.layers]
        return y, StackState(tuple(layers), state.present)

    def _faster(self, candidates: tuple[int, ...]) -> int:
        """The number of threads with which single steps are faster now."""
        taken: dict[int, list[float]] = {threads: [] for threads in candidates}
        if len(taken) == 1:
            return candidates[0]
        state = self.initial_state(1)
        x, mask = (
            torch.zeros(1, 1, self.d_model, dtype=torch.float32, device="cpu"),
            torch.ones(1, 1, dtype=torch.bool, device="cpu"),
        )
        for _ in range(TRIALS):
            for self.threads in taken:
                begin = time.perf_counter()
                self.forward(x, state, mask)
                taken[self.threads].append(time.perf_counter() - begin)
        return min(taken, key=lambda threads: statistics.median(taken[threads]))


class Part(NamedTuple):
    """One residual part of a block: the fields of `Layer` in decode.cpp, and its weights in the order of reading."""

    numbers: tuple[int, int, int, int, int, int]
    weights: list[Tensor | Panels]


class Panels(NamedTuple):
    """A matrix as it is read: (panel, inputs, `PANEL`)."""

    values: Tensor


def _require_block(layer: nn.Module) -> Block:
    if type(layer) is not Block or layer.lookahead:
        raise _not_compiled(
            f"a {type(layer).__name__} with lookahead" if type(layer) is Block else type(layer).__name__
        )
    return layer


def _parts(block: Block) -> Iterator[Part]:
    norm, mixer = block.norm, cast("nn.Module", block.mixer)
    if type(mixer) is Mamba:
        part = _mamba(mixer)
    elif type(mixer) is Mamba2:
        part = _mamba2(mixer)
    elif type(mixer) is StateSpaceMixer and type(mixer.kernel) in (S4Kernel, S4DKernel):
        part = _state_space(mixer)
    else:
        raise _not_compiled(type(mixer).__name__)
    yield Part(part.numbers, [*_norm(norm), *part.weights])
    if block.ffn is not None:
        if type(block.ffn) is not FeedForward:
            raise _not_compiled(type(block.ffn).__name__)
        width = block.ffn.up.weight.shape[0] // 2
        up = _split(block.ffn.up, (width, width))
        weights = [*_norm(cast("nn.LayerNorm", block.ffn_norm)), *up, *_linear(block.ffn.down)]
        yield Part((FEED_FORWARD, width, 0, 0, 0, 0), weights)


def _mamba(mixer: Mamba) -> Part:
    config = mixer.config
    convolution = [mixer.conv.weight.T, _bias(mixer.conv.bias, config.d_inner)]
    step = [_panels(mixer.dt_proj), mixer.dt_bias, _decay(mixer.A_log), mixer.D]
    maps = _panels(mixer.x_proj)
    into = _split(mixer.in_proj, (config.d_inner, config.d_inner))
    numbers = (MAMBA, config.d_inner, config.d_state, config.d_conv, config.rank, 0)
    return Part(numbers, [*into, *convolution, maps, *step, *_linear(mixer.out_proj)])


def _mamba2(mixer: Mamba2) -> Part:
    config = mixer.config
    if config.D_per_channel or config.norm_before_gate or config.dt_limit is not None:
        raise _not_compiled("Mamba-2 with D_per_channel, norm_before_gate or dt_limit")
    maps = config.d_mixed - config.d_inner + config.n_heads
    into = _split(mixer.in_proj, (config.d_inner, config.d_inner, maps))
    convolution = [mixer.conv.weight.T, _bias(mixer.conv.bias, config.d_mixed)]
    norm = [torch.tensor([mixer.norm.eps], device="cpu"), mixer.norm.weight]
    numbers = (MAMBA2, config.d_inner, config.d_state, config.d_conv, config.n_heads, config.n_groups)
    step = [mixer.dt_bias, _decay(mixer.A_log), mixer.D]
    return Part(numbers, [*into, *convolution, *step, *norm, *_linear(mixer.out_proj)])


def _state_space(mixer: StateSpaceMixer) -> Part:
    """``x' = Z x + b u - q (p . x)``, ``y = c . x' + D u``, in float64 before it is rounded."""
    kernel = cast("S4Kernel | S4DKernel", copy.deepcopy(mixer.kernel).double())
    system = kernel.recurrence()
    rank = system.q.shape[1]
    if rank > 1:
        raise _not_compiled(f"S4 of rank {rank}")
    identity = torch.zeros_like(system.w)
    identity[:, : kernel.d_state // 2] = 1.0
    low_rank = [system.r[:, 0], -system.q[:, 0]] if rank else []
    parts = [system.w + identity, system.b, system.c, system.skip, *low_rank]
    numbers = (STATE_SPACE, kernel.d_model, kernel.d_state, 0, rank, 0)
    return Part(numbers, [*parts, *_linear(cast("GatedOutput", mixer.output).linear)])


def _norm(norm: nn.LayerNorm) -> list[Tensor]:
    if type(norm) is not nn.LayerNorm or len(list(norm.parameters())) != 2:
        raise _not_compiled(type(norm).__name__)
    return [torch.tensor([norm.eps], device="cpu"), norm.weight, norm.bias]


def _decay(A_log: Tensor) -> Tensor:
    """A of ``exp(delta A)``, times log2(e): the operator computes powers of two."""
    return -A_log.double().exp() / math.log(2.0)


def _linear(linear: nn.Linear) -> list[Tensor | Panels]:
    return [_panels(linear), _bias(linear.bias, linear.weight.shape[0])]


def _split(linear: nn.Linear, sizes: tuple[int, ...]) -> list[Tensor | Panels]:
    """Panels and bias of each run of outputs."""
    weights, biases = _weight(linear).split(sizes), _bias(linear.bias, sum(sizes)).split(sizes)
    return [part for weight, bias in zip(weights, biases, strict=True) for part in (_cut(weight), bias)]


def _panels(linear: nn.Linear) -> Panels:
    return _cut(_weight(linear))


def _weight(linear: nn.Linear) -> Tensor:
    # An adapter around a linear also has a `weight`, which is not what it computes.
    if type(linear) is not nn.Linear:
        raise _not_compiled(type(linear).__name__)
    return linear.weight


def _cut(weight: Tensor) -> Panels:
    """Of a matrix (outputs, inputs)."""
    padded = F.pad(weight, (0, 0, 0, -weight.shape[0] % PANEL))
    return Panels(padded.unflatten(0, (-1, PANEL)).transpose(1, 2))


def _bias(bias: Tensor | None, count: int) -> Tensor:
    return torch.zeros(count, device="cpu") if bias is None else bias


def _stored(weights: Tensor | Panels, dtype: torch.dtype) -> list[Tensor]:
    """The bytes of weights in the order of reading; of int8 panels with the scales of their outputs."""
    if not isinstance(weights, Panels):
        return [_aligned(weights.detach().to("cpu", torch.float32))]
    values = weights.values.detach().to("cpu", torch.float32)
    if dtype != torch.int8:
        return [_aligned(values.to(dtype))]
    scale = values.abs().amax(1) / 127.0
    numbers = (values / scale.clamp(min=torch.finfo(torch.float32).tiny).unsqueeze(1)).round()
    quads = F.pad(numbers, (0, 0, 0, -numbers.shape[1] % QUAD)).unflatten(1, (-1, QUAD)).transpose(2, 3)
    return [_aligned((quads + 128.0).to(torch.uint8)), _aligned(scale)]


def _aligned(values: Tensor) -> Tensor:
    flat = values.contiguous().flatten().view(torch.uint8)
    return F.pad(flat, (0, -flat.numel() % ALIGNMENT))


def _in_one_buffer(parts: list[Tensor]) -> Tensor:
    """In large pages where the system has them: a step reads all of it, and would look up thousands of small ones."""
    count = sum(part.numel() for part in parts)
    memory = mmap.mmap(-1, count)
    if sys.platform == "linux":
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.cat(parts, out=torch.frombuffer(memory, dtype=torch.uint8))


def _map(function: Callable[[Tensor], Tensor], state: StackState) -> StackState:
    layers = [BlockState(type(old.mixer)(*map(function, old.mixer)), function(old.residual)) for old in state.layers]
    return StackState(tuple(layers), tuple(map(function, state.present)))


def _not_compiled(what: str) -> SsmphonyError:
    return SsmphonyError(f"a DecodeStack cannot hold {what}: run the Stack itself")
