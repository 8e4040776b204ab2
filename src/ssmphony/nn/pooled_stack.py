"""The backbone of SaShiMi: stacks at several rates, each slower one between two of a faster one (Goel et al. 2022,
*It's Raw! Audio generation with state-space models*, arXiv 2202.09729).

    x ──────────────────────────────────── + ─▶ stack ─ + ─▶ y          one step each
    └─▶ pool: p steps to one ─▶ … ─▶ unpool ┘                           a step in p

The output of a slower stack is delayed by one of its steps, so that the whole is causal. Whole
sequences run in parallel; single steps run the slower stacks when they are due. Both are the same function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from ssmphony.interfaces import SequenceLayer
from ssmphony.nn.block import Block, finish
from ssmphony.nn.stack import Stack, StackState
from ssmphony.ssm.s4_layer import StateSpaceMixer


class PooledState(NamedTuple):
    """Of each rate but the slowest, what waits on both sides of the slower one; batch first.

    stacks: of each rate. pending: (batch, pool, channel), what came back and is added to the steps of now. held: the
    inputs since the last step of the slower rate, up to pool - 1 of them, each (batch, channel).
    """

    stacks: tuple[StackState, ...]
    pending: tuple[Tensor, ...]
    held: tuple[tuple[Tensor, ...], ...]


class PooledStack(SequenceLayer, nn.Module):
    """One stack a rate, from the fastest; ``pools`` steps of each are one of the next."""

    def __init__(self, stacks: Sequence[Stack], widths: Sequence[int], pools: Sequence[int]) -> None:
        super().__init__()
        self.stacks = nn.ModuleList(stacks)
        self.pools = tuple(pools)
        self.widths = tuple(widths)
        pairs = list(zip(self.pools, widths[:-1], widths[1:], strict=True))
        self.down = nn.ModuleList(nn.Linear(pool * fast, slow) for pool, fast, slow in pairs)
        self.up = nn.ModuleList(nn.Linear(slow, pool * fast) for pool, fast, slow in pairs)
        self.compiled: tuple[SequenceLayer, ...] | None = None
        """Stacks that take the place of ``stacks`` in `step`, such as `ssmphony.nn.decode.DecodeStack`."""

    @property
    def frame(self) -> int:
        """Steps of the fastest rate in one of the slowest."""
        return math.prod(self.pools)

    def initial_state(self, batch: int) -> PooledState:
        like = next(self.parameters())
        stacks = tuple(cast("Stack", stack).initial_state(batch) for stack in self.stacks)
        pending = (like.new_zeros(batch, *shape) for shape in zip(self.pools, self.widths, strict=False))
        return PooledState(stacks, tuple(pending), ((),) * len(self.pools))

    def whole(self, x: Tensor) -> Tensor:
        """Whole sequences (batch, time, channel) from their beginning, ``time`` a multiple of `frame`.

        S4 and S4D convolve by FFT: for batches this is faster than the recurrence that also gives the state.
        """
        return self.rates(x)[0]

    def rates(self, x: Tensor) -> list[Tensor]:
        """As `whole`, the outputs of all stacks, from the fastest. Step j of the slowest knows j + 1 frames."""
        return self._parallel(x, self.initial_state(len(x)), keep=False)[0]

    def forward(
        self, x: Tensor, state: PooledState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, PooledState]:
        """x (batch, time, channel), any time ≥ 1 → the same shape, and the state. ``mask`` must be true, and there is
        no ``reset``: samples are generated, and have no padding."""
        if reset is not None or not bool(mask.all()):
            raise ValueError("a PooledStack takes whole rows: no mask and no reset")
        outputs: list[Tensor] = []
        time = x.shape[1]
        while (place := sum(part.shape[1] for part in outputs)) < time:
            whole = (time - place) // self.frame * self.frame
            if whole and not any(state.held):
                (y, *_), state = self._parallel(x[:, place : place + whole], state, keep=True)
            else:
                y, state = self.step(x[:, place], state)
                y = y[:, None]
            outputs.append(y)
        return torch.cat(outputs, dim=1), state

    def step(self, x: Tensor, state: PooledState) -> tuple[Tensor, PooledState]:
        """One step: x (batch, channel) → (batch, channel) and the state."""
        stacks, pending, held = list(state.stacks), list(state.pending), list(state.held)
        layers = self.compiled or cast("tuple[SequenceLayer, ...]", tuple(self.stacks))
        present = torch.ones(len(x), 1, dtype=torch.bool, device=x.device)

        def run(rate: int, x: Tensor) -> Tensor:
            y, stacks[rate] = layers[rate](x[:, None], stacks[rate], present)
            return y[:, 0] + x

        def descend(rate: int, x: Tensor) -> Tensor:
            if rate == len(self.pools):
                return run(rate, x)
            y = run(rate, x + pending[rate][:, len(held[rate])])
            held[rate] = (*held[rate], x)
            if len(held[rate]) == self.pools[rate]:
                slower = descend(rate + 1, self._pool(rate, torch.stack(held[rate], dim=1)[:, None])[:, 0])
                pending[rate], held[rate] = self._unpool(rate, slower[:, None])[:, 0], ()
            return y

        y = descend(0, x)
        return y, PooledState(tuple(stacks), tuple(pending), tuple(held))

    def _parallel(self, x: Tensor, state: PooledState, keep: bool) -> tuple[list[Tensor], PooledState]:
        """Whole frames from the edge of a frame; the state is of meaning only where it is to be kept."""
        stacks, pending = list(state.stacks), list(state.pending)
        inputs = [x]
        for rate, pool in enumerate(self.pools):
            inputs.append(self._pool(rate, inputs[-1].unflatten(1, (-1, pool))))

        def run(rate: int, x: Tensor) -> Tensor:
            stack = cast("Stack", self.stacks[rate])
            if not keep:
                return _whole(stack, x) + x
            mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
            y, stacks[rate] = stack(x, stacks[rate], mask)
            return y + x

        outputs = [run(len(self.pools), inputs.pop())]
        for rate in reversed(range(len(self.pools))):
            joined = torch.cat([pending[rate][:, None], self._unpool(rate, outputs[0])], dim=1)
            pending[rate] = joined[:, -1]
            outputs.insert(0, run(rate, joined[:, :-1].flatten(1, 2) + inputs.pop()))
        return outputs, PooledState(tuple(stacks), tuple(pending), state.held)

    def _pool(self, rate: int, x: Tensor) -> Tensor:
        """(batch, time, pool, channel) → (batch, time, channel of the slower rate)."""
        return self.down[rate](x.transpose(-1, -2).flatten(-2))

    def _unpool(self, rate: int, y: Tensor) -> Tensor:
        """(batch, time, channel of the slower rate) → (batch, time, pool, channel)."""
        return self.up[rate](y).unflatten(-1, (self.widths[rate], self.pools[rate])).transpose(-1, -2)


def _whole(stack: Stack, x: Tensor) -> Tensor:
    """A causal stack over whole sequences (batch, time, channel), without the state after them."""
    mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
    for layer in stack.layers:
        block = cast("Block", layer)
        normal = block.norm(x)
        if isinstance(block.mixer, StateSpaceMixer):
            y = block.mixer.whole(normal)
        else:
            y, _ = block.mixer(normal, block.mixer.initial_state(len(x)), mask)
        x = finish(block, x, y)
    return x
