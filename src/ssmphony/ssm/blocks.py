"""A linear time-invariant system in blocks of steps: everything follows from four matrices of a block."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.ssm.convolution import causal_lags, toeplitz


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


class Blocks(Protocol):
    """A system that can be seen through blocks of steps."""

    def block(self, length: int) -> BlockMatrices: ...

    def leap(self, state: Tensor, steps: int) -> Tensor: ...


def run_blocks(kernel: Blocks, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Any number of steps in PyTorch operations: any device and precision, and differentiable twice."""
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
