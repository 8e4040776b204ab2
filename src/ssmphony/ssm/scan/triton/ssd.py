"""Mamba-2's scan (SSD, Dao and Gu 2024, arXiv 2405.21060) in Triton: a chunk of a head is a few products of matrices.

``h[t] = exp(dt[t] A) h[t-1] + dt[t] x[t] B[t]^T``, ``y[t] = h[t] C[t] + D x[t]``

With ``L[t, s]`` what is left at step t of what came at step s, a chunk computes ``y = ((C B^T) * L) (dt x)`` and adds
what the state in front of it leaves. Every exponent is a sum over the steps it spans, never a difference of two sums,
so that small steps after a large one keep their digits. Products take three passes of TF32, which is float32 in effect
and keeps their operands in registers: with one pass the gradients of heads of 64 × 128
need more shared memory than an H100 has.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from ssmphony.ssm.scan.triton.carry import carry

#: Steps of a chunk: the side of the masked product.
STEPS = 64
#: The smallest side of a product on tensor cores.
SIDE = 16
WARPS = 8


@triton.jit
def head_steps(dt, A, reset, row, head, chunk, TIME, HEADS, SHIFT: tl.constexpr, STEPS: tl.constexpr):
    """(dt, dt A) of a chunk's steps, each that of ``SHIFT`` steps later, zero outside the chunk; dt A is minus infinity
    at a reset."""
    i = tl.arange(0, STEPS) + SHIFT
    t = chunk * STEPS + i
    real = (t < TIME) & (i < STEPS)
    steps = tl.load(dt + (row * TIME + t) * HEADS + head, real, 0.0).to(tl.float32)
    exponents = steps * tl.load(A + head)
    if reset is not None:
        exponents = tl.where(tl.load(reset + row * TIME + t, real, 0) != 0, float("-inf"), exponents)
    return steps, exponents


@triton.jit
def left_between(exponents, STEPS: tl.constexpr):
    """``L[t, s] = exp(exponents[s + 1] + … + exponents[t])``, zero above the diagonal."""
    t, s = tl.arange(0, STEPS)[:, None], tl.arange(0, STEPS)[None, :]
    sums = tl.cumsum(tl.where(t > s, exponents[:, None], 0.0), 0)
    return tl.where(t >= s, tl.exp(sums), 0.0)


@triton.jit
def states_kernel(
    values, maps, dt, A, reset, states, total, TIME, HEADS, GROUPS, P, N,
    ADJOINT: tl.constexpr, STEPS: tl.constexpr, SLOTS_P: tl.constexpr, SLOTS_N: tl.constexpr,
):  # fmt: skip
    """A chunk's own part of the state after it, ``sum of left[t] dt[t] x[t] B[t]^T``; or, ADJOINT, of the adjoint in
    front of it, ``sum of passed[t] grad_y[t] C[t]^T``. And the sum of its steps, infinite with a reset."""
    chunk, head, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    at = (row * tl.num_programs(0) + chunk) * HEADS + head
    t, p, n = chunk * STEPS + tl.arange(0, STEPS), tl.arange(0, SLOTS_P), tl.arange(0, SLOTS_N)
    in_p, in_n = (t < TIME)[:, None] & (p < P)[None, :], (t < TIME)[:, None] & (n < N)[None, :]
    head_at, group_at = (row * TIME + t) * HEADS + head, (row * TIME + t) * GROUPS + head // (HEADS // GROUPS)
    v = tl.load(values + head_at[:, None] * P + p[None, :], in_p, 0.0).to(tl.float32)
    m = tl.load(maps + group_at[:, None] * N + n[None, :], in_n, 0.0).to(tl.float32)
    steps, exponents = head_steps(dt, A, reset, row, head, chunk, TIME, HEADS, 0, STEPS)
    if ADJOINT:
        weights = tl.exp(tl.cumsum(exponents, 0))
    else:
        _, following = head_steps(dt, A, reset, row, head, chunk, TIME, HEADS, 1, STEPS)
        weights = steps * tl.exp(tl.cumsum(following, 0, reverse=True))
    state = tl.dot(tl.trans(v * weights[:, None]), m, input_precision="tf32x3")
    place = at * P * N + p[:, None] * N + n[None, :]
    tl.store(states + place, state, (p < P)[:, None] & (n < N)[None, :])
    cleared = tl.min(exponents, 0) == float("-inf")
    tl.store(total + at, tl.where(cleared, float("inf"), tl.sum(steps, 0)))


@triton.jit
def output_kernel(
    x, dt, A, B, C, D, reset, states, y, TIME, HEADS, GROUPS, P, N,
    STEPS: tl.constexpr, SLOTS_P: tl.constexpr, SLOTS_N: tl.constexpr,
):  # fmt: skip
    """``y = ((C B^T) * L) (dt x) + passed * (C h0^T) + D x`` of one chunk of one head; h0 the state in front of it."""
    chunk, head, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    at = (row * tl.num_programs(0) + chunk) * HEADS + head
    t, p, n = chunk * STEPS + tl.arange(0, STEPS), tl.arange(0, SLOTS_P), tl.arange(0, SLOTS_N)
    in_p, in_n = (t < TIME)[:, None] & (p < P)[None, :], (t < TIME)[:, None] & (n < N)[None, :]
    head_at, group_at = (row * TIME + t) * HEADS + head, (row * TIME + t) * GROUPS + head // (HEADS // GROUPS)
    to_p, to_n = head_at[:, None] * P + p[None, :], group_at[:, None] * N + n[None, :]
    u = tl.load(x + to_p, in_p, 0.0).to(tl.float32)
    b = tl.load(B + to_n, in_n, 0.0).to(tl.float32)
    c = tl.load(C + to_n, in_n, 0.0).to(tl.float32)
    place = at * P * N + p[:, None] * N + n[None, :]
    first = tl.load(states + place, (p < P)[:, None] & (n < N)[None, :], 0.0)
    steps, exponents = head_steps(dt, A, reset, row, head, chunk, TIME, HEADS, 0, STEPS)
    scores = tl.dot(c, tl.trans(b), input_precision="tf32x3") * left_between(exponents, STEPS)
    out = tl.dot(scores * steps[None, :], u, input_precision="tf32x3")
    passed = tl.exp(tl.cumsum(exponents, 0))[:, None]
    carried = passed * tl.dot(c, tl.trans(first), input_precision="tf32x3")
    # Chosen, not multiplied by zero: a reset clears also what is not finite.
    out += tl.where(passed == 0.0, 0.0, carried) + tl.load(D + head).to(tl.float32) * u
    tl.store(y + to_p, out, in_p)


@triton.jit
def gradient_kernel(
    grad_y, x, dt, A, B, C, D, reset, states, adjoints, grad_x, grad_dt, grad_A, grad_B, grad_C, grad_D,
    TIME, HEADS, GROUPS, P, N,
    STEPS: tl.constexpr, SLOTS_P: tl.constexpr, SLOTS_N: tl.constexpr,
):  # fmt: skip
    """All gradients of one chunk of one head; h0 the state in front of it, G the adjoint of the state after it.

    ``M[t, s] = L[t, s] (C[t] . B[s]) (grad_y[t] . dt[s] x[s])`` is what step s gave to the loss through step t. So the
    gradient of ``dt[m] A`` is the sum over all that crosses step m: M[t, s] for s < m <= t, what h0 gives to t >= m,
    what s < m gives through G, and what h0 gives through G.

    Left to be added up: grad_B and grad_C (batch, time, head, n), grad_A and grad_D (batch, chunk, head).
    """
    chunk, head, row = tl.program_id(0), tl.program_id(1), tl.program_id(2).to(tl.int64)
    at = (row * tl.num_programs(0) + chunk) * HEADS + head
    t, p, n = chunk * STEPS + tl.arange(0, STEPS), tl.arange(0, SLOTS_P), tl.arange(0, SLOTS_N)
    real = t < TIME
    in_p, in_n, in_state = real[:, None] & (p < P)[None, :], real[:, None] & (n < N)[None, :], (p < P)[:, None]
    head_at, group_at = (row * TIME + t) * HEADS + head, (row * TIME + t) * GROUPS + head // (HEADS // GROUPS)
    to_p, to_n = head_at[:, None] * P + p[None, :], group_at[:, None] * N + n[None, :]
    u = tl.load(x + to_p, in_p, 0.0).to(tl.float32)
    gy = tl.load(grad_y + to_p, in_p, 0.0).to(tl.float32)
    b = tl.load(B + to_n, in_n, 0.0).to(tl.float32)
    c = tl.load(C + to_n, in_n, 0.0).to(tl.float32)
    place, in_state = at * P * N + p[:, None] * N + n[None, :], in_state & (n < N)[None, :]
    first, behind = tl.load(states + place, in_state, 0.0), tl.load(adjoints + place, in_state, 0.0)

    steps, exponents = head_steps(dt, A, reset, row, head, chunk, TIME, HEADS, 0, STEPS)
    _, following = head_steps(dt, A, reset, row, head, chunk, TIME, HEADS, 1, STEPS)
    passed = tl.exp(tl.cumsum(exponents, 0))
    left = tl.exp(tl.cumsum(following, 0, reverse=True))
    between = left_between(exponents, STEPS)

    # (step t, step s): what C and B, and what grad_y and x, make of each other.
    maps = tl.dot(c, tl.trans(b), input_precision="tf32x3") * between
    pairs = tl.dot(gy, tl.trans(u), input_precision="tf32x3") * steps[None, :]
    drive = tl.dot(tl.trans(maps), gy, input_precision="tf32x3")
    drive += left[:, None] * tl.dot(b, tl.trans(behind), input_precision="tf32x3")
    given = pairs * maps
    pairs *= between
    through_first = passed[:, None] * tl.dot(gy, first, input_precision="tf32x3")
    through_behind = (left * steps)[:, None] * tl.dot(u, behind, input_precision="tf32x3")
    to_head = head_at[:, None] * N + n[None, :]
    tl.store(grad_C + to_head, tl.dot(pairs, b, input_precision="tf32x3") + through_first, in_n)
    tl.store(grad_B + to_head, tl.dot(tl.trans(pairs), c, input_precision="tf32x3") + through_behind, in_n)

    # (step t or s, step m): whether s is before m.
    earlier = tl.arange(0, STEPS)[:, None] < tl.arange(0, STEPS)[None, :]
    crossing = tl.dot(given, earlier.to(tl.float32), input_precision="tf32x3") + tl.sum(c * through_first, 1)[:, None]
    gradient = tl.sum(tl.where(earlier, tl.sum(b * through_behind, 1)[:, None], crossing), 0)
    gradient += tl.exp(tl.sum(exponents, 0)) * tl.sum(tl.sum(first * behind, 1), 0)
    tl.store(grad_dt + head_at, gradient * tl.load(A + head) + tl.sum(drive * u, 1), real)
    tl.store(grad_A + at, tl.sum(gradient * steps, 0))
    tl.store(grad_D + at, tl.sum(tl.sum(gy * u, 1), 0))
    tl.store(grad_x + to_p, drive * steps[:, None] + tl.load(D + head).to(tl.float32) * gy, in_p)


def kept(x: Tensor, state: Tensor, keep: bool) -> Tensor:
    """Room for the states in front of the chunks: (batch, chunk, head, p, n), no chunks unless ``keep``."""
    chunks = triton.cdiv(x.shape[1], STEPS) if keep else 0
    return state.new_empty(x.shape[0], chunks, *state.shape[1:], dtype=torch.float32)


def forward(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """(y, last, kept); shapes as `ssmphony.ssm.scan.ssd`."""
    if x.numel() == 0:
        return torch.zeros_like(x), state.clone(), kept(x, state, keep)
    x, dt, B, C, D = (part.contiguous() for part in (x, dt, B, C, D))
    A, states, marks = A.float().contiguous(), kept(x, state, True), None if reset is None else reset.to(torch.int8)
    grid, sizes, constants = _launch(x, B, states)
    total, y = states.new_empty(states.shape[:3]), torch.empty_like(x)
    states_kernel[grid](x, B, dt, A, marks, states, total, *sizes, False, *constants, num_warps=WARPS)
    last = carry(states, state.float().contiguous(), A, total)
    output_kernel[grid](x, dt, A, B, C, D, marks, states, y, *sizes, *constants, num_warps=WARPS)
    return y, last.to(state.dtype), states if keep else kept(x, state, False)


def backward(
    grad_y: Tensor, grad_last: Tensor, x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor,
    state: Tensor, reset: Tensor | None, states: Tensor,
) -> tuple[Tensor, ...]:  # fmt: skip
    """The gradients of the seven inputs, each in its input's dtype."""
    inputs = (x, dt, A, B, C, D, state)
    if x.numel() == 0:
        return *(torch.zeros_like(part) for part in inputs[:6]), grad_last.to(state.dtype, copy=True)
    grad_y, x, dt, B, C, D = (part.contiguous() for part in (grad_y, x, dt, B, C, D))
    A, marks = A.float().contiguous(), None if reset is None else reset.to(torch.int8)
    grid, sizes, constants = _launch(x, B, states)
    adjoints, total = torch.empty_like(states), states.new_empty(states.shape[:3])
    states_kernel[grid](grad_y, C, dt, A, marks, adjoints, total, *sizes, True, *constants, num_warps=WARPS)
    grad_state = carry(adjoints, grad_last.float().contiguous(), A, total, back=True)
    grad_x, grad_dt = torch.empty_like(x), torch.empty_like(dt)
    grad_A, grad_D = torch.empty_like(total), torch.empty_like(total)
    grad_B, grad_C = (states.new_empty(*x.shape[:3], B.shape[-1]) for _ in "BC")
    gradient_kernel[grid](
        grad_y, x, dt, A, B, C, D, marks, states, adjoints, grad_x, grad_dt, grad_A, grad_B, grad_C, grad_D,
        *sizes, *constants, num_warps=WARPS,
    )  # fmt: skip
    shared = (part.unflatten(2, (B.shape[2], -1)).sum(3) for part in (grad_B, grad_C))
    found = (grad_x, grad_dt, grad_A.sum((0, 1)), *shared, grad_D.sum((0, 1)), grad_state)
    return tuple(ours.to(part.dtype) for ours, part in zip(found, inputs, strict=True))


def _launch(x: Tensor, B: Tensor, states: Tensor) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Grid (chunk, head, batch), sizes and constants of the kernels."""
    batch, time, heads, p = x.shape
    groups, n = B.shape[2:]
    slots = (max(SIDE, triton.next_power_of_2(size)) for size in (p, n))
    return (states.shape[1], heads, batch), (time, heads, groups, p, n), (STEPS, *slots)
