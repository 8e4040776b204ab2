"""What S4 and S4D share: a linear time-invariant system in real arithmetic, seen through blocks of steps.

A kernel module owns the parameters of ``x[k] = Abar x[k-1] + Bbar u[k]``, ``y[k] = C x[k] + D u[k]`` for each
channel, with the conjugate pairs of the paper written as real coordinates (all real parts, then all imaginary).
Everything a layer does with it follows from four matrices of a block of T steps.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.ssm.convolution import causal_lags, full_precision, toeplitz
from ssmphony.ssm.hippo import DT_MAX, DT_MIN


class BlockMatrices(NamedTuple):
    """Row vectors multiply from the left: inputs u (batch, T) and state x (batch, N) of one channel.

    kernel  (channel, T): impulse response, the skip D included in ``kernel[:, 0]``.
    reach   (channel, T, N): ``u @ reach`` is what the block adds to the state.
    observe (channel, N, T): ``x @ observe`` is what the old state adds to the outputs.
    power   (channel, N, N): ``x @ power`` is the old state T steps later.
    """

    kernel: Tensor
    reach: Tensor
    observe: Tensor
    power: Tensor


class StateSpaceKernel(nn.Module, ABC):
    """Parameters of one linear system per channel, and its block matrices."""

    @abstractmethod
    def slow_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that train at a lower rate and without weight decay."""

    def __init__(self, d_model: int, d_state: int) -> None:
        super().__init__()
        self.d_model = d_model
        self.d_state = d_state

    log_dt: nn.Parameter
    """log of the step size in seconds, (channel,)."""

    @property
    def dtype(self) -> torch.dtype:
        return self.log_dt.dtype

    @property
    def device(self) -> torch.device:
        return self.log_dt.device

    @abstractmethod
    def kernel(self, length: int) -> Tensor:
        """Impulse response (channel, length), the skip included."""

    @abstractmethod
    def block(self, length: int) -> BlockMatrices:
        """The matrices of a block of ``length`` steps."""

    @abstractmethod
    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step in O(N): u (channel, batch), state (channel, batch, N) → y (channel, batch) and the state."""

    def scan(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor] | None:
        """`run` as one compiled recurrence; None where that cannot be had."""
        return None

    @abstractmethod
    def leap(self, state: Tensor, steps: int) -> Tensor:
        """The state (channel, batch, N) after ``steps`` steps without input."""


def sample_log_dt(d_model: int, dt_min: float = DT_MIN, dt_max: float = DT_MAX) -> Tensor:
    """log of step sizes drawn log-uniformly from [dt_min, dt_max], (d_model,)."""
    return torch.rand(d_model) * (math.log(dt_max) - math.log(dt_min)) + math.log(dt_min)


def advance(u: Tensor, state: Tensor, block: BlockMatrices) -> tuple[Tensor, Tensor]:
    """One block: u (channel, batch, T) and state (channel, batch, N) → outputs and the state after them.

    A single matrix product: ``[u, x] @ [[toeplitz, reach], [observe, power]]``.
    """
    length = u.shape[-1]
    top = torch.cat([toeplitz(causal_lags(block.kernel), length), block.reach], dim=-1)
    matrix = torch.cat([top, torch.cat([block.observe, block.power], dim=-1)], dim=1)
    both = torch.bmm(torch.cat([u, state], dim=-1), matrix)
    return both[..., :length], both[..., length:]


#: Steps of a block, at most. Longer costs more in the Toeplitz product, shorter more in the carry between blocks.
BLOCK_STEPS = 64

#: So few steps are taken one by one in O(N) each; more would cost more than building the matrices of a block.
SINGLE_STEPS = 2


def run(kernel: StateSpaceKernel, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Any number of steps: u (channel, batch, length) and state (channel, batch, N) → outputs and last state.

    One function computed in several ways: single steps, a compiled recurrence, one block, or blocks side by side whose
    states alone are carried from one to the next.
    """
    with full_precision(u):
        u, state = u.to(kernel.dtype), state.to(kernel.dtype)
        if u.shape[-1] <= SINGLE_STEPS:
            outputs: list[Tensor] = []
            for step in u.unbind(-1):
                y, state = kernel.step(step, state)
                outputs.append(y)
            return torch.stack(outputs, dim=-1), state
        return kernel.scan(u, state) or run_blocks(kernel, u, state)


class Blocks(Protocol):
    """A system that can be seen through blocks of steps."""

    def block(self, length: int) -> BlockMatrices: ...

    def leap(self, state: Tensor, steps: int) -> Tensor: ...


def run_blocks(kernel: Blocks, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """`run` in PyTorch operations: any device and precision, and differentiable twice."""
    channels, batch, length = u.shape
    if length <= BLOCK_STEPS:
        return advance(u, state, kernel.block(length))
    count = -(-length // BLOCK_STEPS)
    steps = -(-length // count)
    blocks = F.pad(u, (0, count * steps - length)).reshape(channels, batch * count, steps)
    matrices = kernel.block(steps)
    both = torch.bmm(blocks, torch.cat([toeplitz(causal_lags(matrices.kernel), steps), matrices.reach], dim=-1))
    added = both[..., steps:].reshape(channels, batch, count, -1)
    before = [state]
    for step in added[:, :, :-1].unbind(2):
        before.append(torch.baddbmm(step, before[-1], matrices.power))
    states = torch.stack(before, dim=2).reshape(channels, batch * count, -1)
    y = torch.baddbmm(both[..., :steps], states, matrices.observe).reshape(channels, batch, -1)[..., :length]
    # The last block may be short: its state is taken where the input ends, not after the padding.
    rest = length - (count - 1) * steps
    last = torch.bmm(u[..., length - rest :], matrices.reach[:, steps - rest :])
    if rest == steps:
        return y, torch.baddbmm(last, before[-1], matrices.power)
    return y, last + kernel.leap(before[-1], rest)
