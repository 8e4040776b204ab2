"""Mamba's scan (Gu and Dao 2023, arXiv 2312.00752) in Triton.

``h[t] = exp(delta[t] A) h[t-1] + delta[t] u[t] B[t]``, ``y[t] = C[t] . h[t] + D u[t]``

Time is cut into chunks that run side by side: what each makes of a zero state, the states between them (`carry`), then
the outputs. Backward does the same with the adjoint of the state, then recomputes each chunk's states from the one that
was kept in front of it. In here a state is (n, channel), so that neighbouring threads hold neighbouring channels.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssmphony.ssm.scan.triton.carry import carry

#: Steps of a chunk.
STEPS = 64
#: Channels of a program at most.
CHANNELS = 32


@triton.jit
def march_kernel(
    u, delta, A, B, C, D, reset, states, total, y, TIME, WIDTH, N,
    OUTPUTS: tl.constexpr, STEPS: tl.constexpr, CHANNELS: tl.constexpr, SLOTS: tl.constexpr,
):  # fmt: skip
    """One chunk, step by step. From zero: the state after it to ``states`` and its steps' sum to ``total``;
    or with OUTPUTS from the state in front of it, in ``states``: y."""
    chunk, row = tl.program_id(0), tl.program_id(2).to(tl.int64)
    d, n = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS), tl.arange(0, SLOTS)
    inside, kept = d < WIDTH, (n < N)[:, None] & (d < WIDTH)[None, :]
    index, at = n[:, None] * WIDTH + d[None, :], row * tl.num_programs(0) + chunk
    a = tl.load(A + index, kept, 0.0)
    if OUTPUTS:
        h = tl.load(states + at * N * WIDTH + index, kept, 0.0)
        skip = tl.load(D + d, inside, 0.0).to(tl.float32)
    else:
        h = tl.zeros([SLOTS, CHANNELS], tl.float32)
    steps = tl.zeros([CHANNELS], tl.float32)
    for t in range(chunk * STEPS, tl.minimum(TIME, chunk * STEPS + STEPS)):
        step = row * TIME + t
        dt = tl.load(delta + step * WIDTH + d, inside, 0.0).to(tl.float32)
        x = tl.load(u + step * WIDTH + d, inside, 0.0).to(tl.float32)
        b = tl.load(B + step * N + n, n < N, 0.0).to(tl.float32)
        steps += dt
        if reset is not None:
            cleared = tl.load(reset + step) != 0
            h = tl.where(cleared, 0.0, h)
            steps = tl.where(cleared, float("inf"), steps)
        h = tl.exp(a * dt[None, :]) * h + b[:, None] * (dt * x)[None, :]
        if OUTPUTS:
            c = tl.load(C + step * N + n, n < N, 0.0).to(tl.float32)
            tl.store(y + step * WIDTH + d, tl.sum(c[:, None] * h, 0) + skip * x, inside)
    if not OUTPUTS:
        tl.store(states + at * N * WIDTH + index, h, kept)
        tl.store(total + at * WIDTH + d, steps, inside)


@triton.jit
def adjoint_kernel(
    grad_y, delta, A, C, reset, adjoints, total, TIME, WIDTH, N,
    STEPS: tl.constexpr, CHANNELS: tl.constexpr, SLOTS: tl.constexpr,
):  # fmt: skip
    """One chunk from its end: the adjoint in front of it when that after it is zero,
    ``g[t-1] = exp(delta[t] A) (g[t] + grad_y[t] C[t])``."""
    chunk, row = tl.program_id(0), tl.program_id(2).to(tl.int64)
    d, n = tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS), tl.arange(0, SLOTS)
    inside, kept = d < WIDTH, (n < N)[:, None] & (d < WIDTH)[None, :]
    index, at = n[:, None] * WIDTH + d[None, :], row * tl.num_programs(0) + chunk
    a = tl.load(A + index, kept, 0.0)
    g, steps = tl.zeros([SLOTS, CHANNELS], tl.float32), tl.zeros([CHANNELS], tl.float32)
    end = tl.minimum(TIME, chunk * STEPS + STEPS)
    for back in range(end - chunk * STEPS):
        step = row * TIME + end - 1 - back
        dt = tl.load(delta + step * WIDTH + d, inside, 0.0).to(tl.float32)
        gy = tl.load(grad_y + step * WIDTH + d, inside, 0.0).to(tl.float32)
        c = tl.load(C + step * N + n, n < N, 0.0).to(tl.float32)
        g = tl.exp(a * dt[None, :]) * (g + c[:, None] * gy[None, :])
        steps += dt
        if reset is not None:
            cleared = tl.load(reset + step) != 0
            g = tl.where(cleared, 0.0, g)
            steps = tl.where(cleared, float("inf"), steps)
    tl.store(adjoints + at * N * WIDTH + index, g, kept)
    tl.store(total + at * WIDTH + d, steps, inside)


@triton.jit
def compose(a, b, next_a, next_b):
    """``h -> a h + b``, then ``h -> next_a h + next_b``."""
    return a * next_a, next_a * b + next_b


@triton.jit
def gradient_kernel(
    grad_y, u, delta, A, B, C, D, reset, states, adjoints, grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D,
    TIME, WIDTH, N, STEPS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """One chunk, all its steps at once and one n after the other. With ``k[t]`` the adjoint of ``h[t]``:

    ``k[t] = grad_y[t] C[t] + exp(delta[t+1] A) k[t+1]``, ``q[t] = k[t] exp(delta[t] A) h[t-1]`` that of ``delta[t] A``.

    Sums over channels and over time are left to be added up: grad_B and grad_C (block of channels, batch, time, n),
    grad_A (batch, chunk, n, channel), grad_D (batch, chunk, channel).
    """
    chunk, block, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    i, d = tl.arange(0, STEPS), block * CHANNELS + tl.arange(0, CHANNELS)
    t, inside = chunk * STEPS + i, d < WIDTH
    real, step = t < TIME, row * TIME + t
    has_before, has_next = real & (i > 0), (t + 1 < TIME) & (i + 1 < STEPS)
    at, tile = row * tl.num_programs(0) + chunk, step[:, None] * WIDTH + d[None, :]
    here = real[:, None] & inside[None, :]
    before, following = has_before[:, None] & inside[None, :], has_next[:, None] & inside[None, :]

    x, dt = tl.load(u + tile, here, 0.0).to(tl.float32), tl.load(delta + tile, here, 0.0).to(tl.float32)
    gy = tl.load(grad_y + tile, here, 0.0).to(tl.float32)
    # Read again at the steps before and after, where a shift of what is in registers would go through shared memory.
    dt_before = tl.load(delta + tile - WIDTH, before, 0.0).to(tl.float32)
    drive_before = dt_before * tl.load(u + tile - WIDTH, before, 0.0).to(tl.float32)
    dt_next = tl.load(delta + tile + WIDTH, following, 0.0).to(tl.float32)
    if reset is not None:
        cleared = tl.load(reset + step, real, 0)[:, None] != 0
        cleared_before = tl.load(reset + step - 1, has_before, 0)[:, None] != 0
        cleared_next = tl.load(reset + step + 1, has_next, 0)[:, None] != 0

    through_B, through_A = tl.zeros([STEPS, CHANNELS], tl.float32), tl.zeros([STEPS, CHANNELS], tl.float32)
    for n in range(N):
        a = tl.load(A + n * WIDTH + d, inside, 0.0)[None, :]
        b = tl.load(B + step * N + n, real, 0.0).to(tl.float32)[:, None]
        c = tl.load(C + step * N + n, real, 0.0).to(tl.float32)[:, None]
        b_before = tl.load(B + (step - 1) * N + n, has_before, 0.0).to(tl.float32)[:, None]
        first = tl.load(states + (at * N + n) * WIDTH + d, inside, 0.0)[None, :]
        behind = tl.load(adjoints + (at * N + n) * WIDTH + d, inside, 0.0)[None, :]
        decay, decay_before, decay_next = tl.exp(a * dt), tl.exp(a * dt_before), tl.exp(a * dt_next)
        if reset is not None:
            decay = tl.where(cleared, 0.0, decay)
            decay_before = tl.where(cleared_before, 0.0, decay_before)
            decay_next = tl.where(cleared_next, 0.0, decay_next)
        left, added = tl.associative_scan((decay_before, drive_before * b_before), 0, compose)
        h_before = left * first + added
        left, added = tl.associative_scan((decay_next, gy * c), 0, compose, reverse=True)
        k = left * behind + added
        q = k * decay * h_before
        through_B += k * b
        through_A += q * a
        sums = (block * tl.num_programs(2) * TIME + step) * N + n
        tl.store(grad_B + sums, tl.sum(k * dt * x, 1), real)
        tl.store(grad_C + sums, tl.sum(gy * (decay * h_before + dt * x * b), 1), real)
        tl.store(grad_A + (at * N + n) * WIDTH + d, tl.sum(q * dt, 0), inside)
    skip = tl.load(D + d, inside, 0.0).to(tl.float32)[None, :]
    tl.store(grad_u + tile, gy * skip + through_B * dt, here)
    tl.store(grad_delta + tile, through_B * x + through_A, here)
    tl.store(grad_D + at * WIDTH + d, tl.sum(gy * x, 0), inside)


def kept(u: Tensor, state: Tensor, keep: bool) -> Tensor:
    """Room for the states in front of the chunks: (batch, chunk, n, channel), no chunks unless ``keep``."""
    chunks = triton.cdiv(u.shape[1], STEPS) if keep else 0
    return state.new_empty(u.shape[0], chunks, state.shape[2], state.shape[1], dtype=torch.float32)


def forward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(y, last, kept); shapes as `ssmphony.ssm.scan.selective_scan`."""
    batch, time, width = u.shape
    if u.numel() == 0:
        return torch.zeros_like(u), state.clone(), kept(u, state, keep)
    u, delta, B, C, D = (part.contiguous() for part in (u, delta, B, C, D))
    A, first = A.float().t().contiguous(), state.float().transpose(1, 2).contiguous()
    states = kept(u, state, True)
    chunks, n = states.shape[1:3]
    total, y = states.new_empty(batch, chunks, width), torch.empty_like(u)
    channels = min(CHANNELS, triton.next_power_of_2(width))
    grid, marks = (chunks, triton.cdiv(width, channels), batch), None if reset is None else reset.to(torch.int8)
    sizes = (time, width, n)
    constants = (STEPS, channels, triton.next_power_of_2(n))
    march_kernel[grid](u, delta, A, B, C, D, marks, states, total, y, *sizes, False, *constants, num_warps=1)
    last = carry(states, first, A, total)
    march_kernel[grid](u, delta, A, B, C, D, marks, states, total, y, *sizes, True, *constants, num_warps=1)
    last = last.transpose(1, 2).to(state.dtype, memory_format=torch.contiguous_format, copy=True)
    return y, last, states if keep else kept(u, state, False)


def backward(
    grad_y: Tensor, grad_last: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor,
    state: Tensor, reset: Tensor | None, states: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The gradients of the seven inputs, each in its input's dtype."""
    inputs = (u, delta, A, B, C, D, state)
    if u.numel() == 0:
        return *(torch.zeros_like(part) for part in inputs[:6]), grad_last.to(state.dtype, copy=True)
    grad_y, u, delta, B, C, D = (part.contiguous() for part in (grad_y, u, delta, B, C, D))
    A, behind = A.float().t().contiguous(), grad_last.float().transpose(1, 2).contiguous()
    batch, chunks, n, width = states.shape
    time = u.shape[1]
    adjoints, total = torch.empty_like(states), states.new_empty(batch, chunks, width)
    channels = min(CHANNELS, triton.next_power_of_2(width))
    blocks, marks = triton.cdiv(width, channels), None if reset is None else reset.to(torch.int8)
    grid, sizes = (chunks, blocks, batch), (time, width, n)
    slots = triton.next_power_of_2(n)
    adjoint_kernel[grid](grad_y, delta, A, C, marks, adjoints, total, *sizes, STEPS, channels, slots, num_warps=1)
    grad_state = carry(adjoints, behind, A, total, back=True)
    grad_u, grad_delta = torch.empty_like(u), torch.empty_like(delta)
    grad_A, grad_D = torch.empty_like(states), torch.empty_like(total)
    grad_B, grad_C = (states.new_empty(blocks, batch, time, n) for _ in "BC")
    gradient_kernel[grid](
        grad_y, u, delta, A, B, C, D, marks, states, adjoints, grad_u, grad_delta, grad_A, grad_B, grad_C, grad_D,
        *sizes, STEPS, channels, num_warps=8,
    )  # fmt: skip
    sums = (grad_A.sum((0, 1)).t(), grad_B.sum(0), grad_C.sum(0), grad_D.sum((0, 1)), grad_state.transpose(1, 2))
    found = (grad_u, grad_delta, *sums)
    return tuple(ours.to(part.dtype).contiguous() for ours, part in zip(found, inputs, strict=True))
