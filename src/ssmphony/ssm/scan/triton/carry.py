"""The states between chunks, one after the other: the only part of a chunked scan that is sequential over time.

``before[k + 1] = exp(A total[k]) before[k] + local[k]``, where ``total`` is the sum of a chunk's steps, infinite where
the chunk holds a reset, and ``local`` what the chunk makes of a zero state. The adjoint is the same, back to front.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

#: Numbers of the state in one program.
BLOCK = 256


@triton.jit
def carry_kernel(
    states, first, end, A, total, CHUNKS, SIZE, WIDTH, SHARE: tl.constexpr, BACK: tl.constexpr, BLOCK: tl.constexpr
):
    """``states`` (batch, CHUNKS, SIZE): ``local`` before and the carried state after; ``first``, ``end`` (batch, SIZE).

    Number i of a state has the decay A[i / SHARE] and the steps total[..., i / SHARE mod WIDTH].
    """
    row = tl.program_id(1).to(tl.int64)
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = i < SIZE
    a = tl.load(A + i // SHARE, inside, 0.0)
    h = tl.load(first + row * SIZE + i, inside, 0.0).to(tl.float32)
    for index in range(CHUNKS):
        chunk = row * CHUNKS + (CHUNKS - 1 - index if BACK else index)
        steps = tl.load(total + chunk * WIDTH + i // SHARE % WIDTH, inside, 0.0)
        local = tl.load(states + chunk * SIZE + i, inside, 0.0)
        tl.store(states + chunk * SIZE + i, h, inside)
        # Chosen, not multiplied by zero: a reset clears also what is not finite.
        h = tl.where(steps == float("inf"), 0.0, tl.exp(a * steps) * h) + local
    tl.store(end + row * SIZE + i, h, inside)


def carry(local: Tensor, first: Tensor, A: Tensor, total: Tensor, back: bool = False) -> Tensor:
    """Replaces ``local`` (batch, chunk, …) by the states in front of the chunks, or with ``back`` by the adjoints
    after them; returns the state after the last chunk, or the adjoint in front of the first, shaped as ``first``.

    A has one number for each decay, total (batch, chunk, …) one for each different step.
    """
    batch, chunks = local.shape[:2]
    size = first[0].numel()
    end = torch.empty_like(first)
    carry_kernel[triton.cdiv(size, BLOCK), batch](
        local, first, end, A, total, chunks, size, total[0, 0].numel(), size // A.numel(), back, BLOCK
    )
    return end
