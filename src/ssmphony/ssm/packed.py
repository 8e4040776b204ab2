"""S4 and S4D over packed rows: blocks that restart where a sequence begins.

A Toeplitz product or an FFT would mix neighbours, so every sequence is cut into blocks of its own: they all share the
block matrices of `ssm.blocks`, and only states pass from block to block of one sequence. The first block of a sequence
is padded with zeros at its start, where its state is still zero, so that the last block ends where the sequence does.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from ssmphony.ssm.blocks import BLOCK_STEPS, BlockMatrices
from ssmphony.ssm.convolution import causal_lags, toeplitz
from ssmphony.ssm.reset import segments


class Layout(NamedTuple):
    """Where the steps of fresh sequences are: in a row of all (batch * time) steps, and in a row of blocks.

    steps: (count,) places in the former; slots: (count,) places in the latter; place: (block,) number of a block in its
    sequence; last: (batch,) block in which a row ends, undefined for a row without a reset.
    """

    steps: Tensor
    slots: Tensor
    place: Tensor
    last: Tensor


#: So few steps are taken one by one in O(N) each; more would cost more than building the matrices of a block.
SINGLE_STEPS = 2


class Steps(Protocol):
    """A system that takes single steps."""

    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]: ...


class System(Protocol):
    """A system that runs without resets, and can be seen through blocks of steps."""

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]: ...

    def block(self, length: int) -> BlockMatrices: ...


def run_single(system: Steps, u: Tensor, state: Tensor, reset: Tensor | None) -> tuple[Tensor, Tensor]:
    """One step after the other: shapes as `StateSpaceKernel.forward`."""
    outputs: list[Tensor] = []
    for index, step in enumerate(u.unbind(-1)):
        if reset is not None:
            state = state.masked_fill(reset[:, index, None], 0.0)
        y, state = system.step(step, state)
        outputs.append(y)
    return torch.stack(outputs, dim=-1), state


def run_packed(system: System, u: Tensor, state: Tensor, reset: Tensor) -> tuple[Tensor, Tensor]:
    """Steps of which ``reset`` (batch, time) marks those before which the state is cleared.

    u (channel, batch, time), state (channel, batch, N) → outputs and the last state.
    """
    carried = segments(reset) == 0
    y, last = system.forward(u.masked_fill(~carried, 0.0), state)
    if bool(carried.all()):
        return y, last
    steps = min(BLOCK_STEPS, u.shape[-1])
    layout = _layout(reset, steps)
    fresh_y, fresh_last = _fresh(system.block(steps), u, layout)
    y = y.flatten(1).index_copy(1, layout.steps, fresh_y).reshape(y.shape)
    return y, torch.where(reset.any(1).unsqueeze(-1), fresh_last, last)


def _layout(reset: Tensor, steps: int) -> Layout:
    """Cut the sequences that begin at a reset into blocks of ``steps``, counted from their ends."""
    batch, time = reset.shape
    step = torch.arange(time, device=reset.device).expand(batch, -1)
    begins = torch.where(reset, step, time).flip(1).cummin(1).values.flip(1)
    left = torch.cat([begins[:, 1:], begins.new_full((batch, 1), time)], dim=1) - 1 - step
    slot = steps - 1 - left % steps
    fresh = segments(reset) > 0
    opens = (fresh & (reset | (slot == 0))).flatten()
    block = opens.long().cumsum(0) - 1
    first = torch.where(reset.flatten(), block, 0).cummax(0).values
    chosen = fresh.flatten().nonzero().squeeze(1)
    slots = block[chosen] * steps + slot.flatten()[chosen]
    return Layout(chosen, slots, (block - first)[opens], block.reshape(batch, time)[:, -1].clamp(min=0))


def _fresh(matrices: BlockMatrices, u: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
    """Outputs (channel, count) of the steps of ``layout``, and the states (channel, batch, N) after ``last``."""
    channels, steps = matrices.kernel.shape
    count = len(layout.place)
    blocks = u.new_zeros(channels, count * steps).index_copy(1, layout.slots, u.flatten(1)[:, layout.steps])
    blocks = blocks.reshape(channels, count, steps)
    both = torch.bmm(blocks, torch.cat([toeplitz(causal_lags(matrices.kernel), steps), matrices.reach], dim=-1))
    added = both[..., steps:]
    states = _carry(added, matrices.power, layout.place)
    y = torch.baddbmm(both[..., :steps], states, matrices.observe)
    last = torch.baddbmm(added[:, layout.last], states[:, layout.last], matrices.power)
    return y.flatten(1)[:, layout.slots], last


def _carry(added: Tensor, power: Tensor, place: Tensor) -> Tensor:
    """The states (channel, block, N) before the blocks: all first blocks at once, then all second ones, and so on."""
    order = place.argsort(stable=True)
    rank = order.argsort()
    groups = order.split(torch.bincount(place).tolist())
    states = [torch.zeros_like(added[:, groups[0]])]
    offset = 0
    for group, following in pairwise(groups):
        after = torch.baddbmm(added[:, group], states[-1], power)
        # The block before one of `following` is its left neighbour, and is in `group`.
        states.append(after[:, rank[following - 1] - offset])
        offset += len(group)
    return torch.cat(states, dim=1)[:, rank]
