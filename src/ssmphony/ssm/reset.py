"""Packed rows: several sequences one after the other in a row, with a mark where each begins.

``reset`` (batch, time) is true at the first step of a sequence: the layer's state before that step is a fresh one, so
that a packed row equals its parts run alone. Layers with lookahead need ``lookahead`` masked steps after each
sequence, as they do for one alone: these flush its last outputs.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from ssmphony.interfaces import SequenceLayer, State
from ssmphony.ssm.masking import check


def segments(reset: Tensor, memory: int = 0) -> Tensor:
    """(batch, time) → (batch, memory + time): how many sequences have begun, 0 in the memory before the block."""
    begun = reset.long().cumsum(1)
    return torch.cat([begun.new_zeros(begun.shape[0], memory), begun], dim=1)


def forget(joined: Tensor, reset: Tensor | None) -> Tensor:
    """joined (batch, memory + time, …) = an old memory and a block, without what comes before the last reset."""
    if reset is None:
        return joined
    segment = segments(reset, joined.shape[1] - reset.shape[1])
    return _cleared(joined, segment < segment[:, -1:])


def taps(joined: Tensor, time: int, reset: Tensor | None) -> list[Tensor]:
    """For each tap the inputs of all steps of the block, the oldest first, (batch, time, …) each.

    joined is (batch, memory + time, …). Zero where such an input belongs to a sequence before that of the step.
    """
    memory = joined.shape[1] - time
    shifted = [joined[:, shift : shift + time] for shift in range(memory + 1)]
    if reset is None:
        return shifted
    segment = segments(reset, memory)
    gone = (segment[:, shift : shift + time] != segment[:, memory:] for shift in range(memory + 1))
    return [_cleared(part, where) for part, where in zip(shifted, gone, strict=True)]


def since_reset(total: Tensor, added: Tensor, first: Tensor, reset: Tensor) -> Tensor:
    """Running sums (batch, time, …) of ``added`` that begin at zero where ``reset`` (batch, time) is true.

    ``total`` is the running sum without resets, ``first`` (batch, 1, …) what it begins with before any.
    """
    time = reset.shape[1]
    begin = torch.where(reset, torch.arange(time, device=reset.device), -1).cummax(1).values
    index = begin.clamp(min=0).reshape(*begin.shape, *[1] * (total.ndim - 2)).expand_as(total)
    fresh = (begin >= 0).reshape(*begin.shape, *[1] * (total.ndim - 2))
    return total - torch.where(fresh, (total - added).gather(1, index), -first)


def starts(cu_seqlens: Tensor, rows: int = 1) -> Tensor:
    """The ``reset`` of packed sequences from their cumulative lengths, as flash-attn and fla write them.

    cu_seqlens (sequence + 1,) int: 0, the end of the first sequence, …, the end of the last. The sequences follow each
    other in one row, or in ``rows`` rows of equal length one after the other. Returns (rows, time) bool.

    Raises ValueError where the lengths do not rise from 0, or do not fill the rows.
    """
    ends = cu_seqlens.tolist()
    if cu_seqlens.ndim != 1 or len(ends) < 2 or ends[0] != 0 or any(a >= b for a, b in pairwise(ends)):
        raise ValueError(f"cu_seqlens must rise from 0, got {ends}")
    if ends[-1] % rows:
        raise ValueError(f"{ends[-1]} steps do not fill {rows} rows")
    marks = torch.zeros(ends[-1], dtype=torch.bool, device=cu_seqlens.device)
    marks[cu_seqlens[:-1].long()] = True
    return marks.reshape(rows, -1)


def in_pieces(layer: SequenceLayer, x: Tensor, state: State, mask: Tensor, reset: Tensor) -> tuple[Tensor, State]:
    """The definition of ``reset`` by fresh states: the batch is cut wherever a sequence begins in one of its rows.

    For any layer, and correct by definition; the time grows with the number of cuts.
    """
    check(x, mask, reset)
    cuts = {0, *reset.any(0).nonzero().flatten().tolist(), x.shape[1]}
    outputs: list[Tensor] = []
    for first, stop in pairwise(sorted(cuts)):
        state = renewed(state, layer.initial_state(x.shape[0]), reset[:, first])
        y, state = layer.forward(x[:, first:stop], state, mask[:, first:stop])
        outputs.append(y)
    return torch.cat(outputs, dim=1), state


def renewed(state: State, fresh: State, rows: Tensor) -> State:
    """``state`` with the rows (batch,) bool taken from ``fresh``."""

    def choose(old: Tensor, new: Tensor) -> Tensor:
        return torch.where(rows.reshape(-1, *[1] * (old.ndim - 1)), new.to(old.dtype), old)

    return pytree.tree_map(choose, state, fresh)


def _cleared(x: Tensor, gone: Tensor) -> Tensor:
    """x (batch, time, …), zero where ``gone`` (batch, time)."""
    return x.masked_fill(gone.reshape(*gone.shape, *[1] * (x.ndim - 2)), 0)
