"""The compiled recurrence of ``linear.cpp``: one system a channel that does not change with time (S4 and S4D).

One pass over the input does what a convolution by FFT does together with its carried state, in the memory of the
output alone, and with an impulse as its input it is the kernel. ``torch.ops.ssmphony.linear_scan`` takes float32
signals and float64 parameters. Its slow twin is `reference`, in PyTorch operations, through which gradients are taken
that are to be differentiated again.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from ssmphony.ssm.dense import DenseSystem, rotation_matrix
from ssmphony.ssm.blocks import run_blocks

#: Steps between the kept states; `STEPS` of linear.cpp.
STEPS = 32


class LinearSystem(NamedTuple):
    """``x[t] = (1 + w) x[t-1] + sum_k q_k (r_k . x[t-1]) + b u[t]``, ``y[t] = c . x[t] + skip u[t]``, all float64.

    The state holds n real parts and then n imaginary parts, N in all, and ``w x`` is the product of complex numbers.
    w, b, c (channel, N); q, r (channel, rank, N), rank at most 2; skip (channel,).
    """

    w: Tensor
    q: Tensor
    r: Tensor
    b: Tensor
    c: Tensor
    skip: Tensor


def linear_scan(u: Tensor, system: LinearSystem, state: Tensor) -> tuple[Tensor, Tensor]:
    """u (batch, time, channel) and state (batch, channel, N), float32 → y and the state after the last step.

    The recurrence is computed in float64 where the rank is not zero.
    """
    inputs = (u, *system, state)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    y, last, _ = torch.ops.ssmphony.linear_scan(*inputs, keep)
    return y, last


def run(u: Tensor, system: LinearSystem, state: Tensor) -> tuple[Tensor, Tensor]:
    """`linear_scan` in the layout of `StateSpaceKernel.forward`: u (channel, batch, time), state (channel, batch, N)."""
    y, last = linear_scan(u.permute(1, 2, 0), system, state.transpose(0, 1))
    return y.permute(2, 0, 1), last.transpose(0, 1)


def impulse_response(system: LinearSystem, length: int) -> Tensor:
    """The kernel (channel, length), float32."""
    channels, n = system.w.shape
    u = system.w.new_zeros(1, length, channels, dtype=torch.float32)
    u[:, 0] = 1.0
    y, _ = linear_scan(u, system, u.new_zeros(1, channels, n))
    return y[0].T.contiguous()


def reference(
    u: Tensor, w: Tensor, q: Tensor, r: Tensor, b: Tensor, c: Tensor, skip: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """The operator in PyTorch operations, in float64: full matrices and blocks of steps."""
    identity = torch.eye(w.shape[-1], dtype=w.dtype, device=w.device)
    abar = identity + rotation_matrix(*w.chunk(2, dim=-1)) + q.transpose(1, 2) @ r
    signal, first = u.to(w.dtype).permute(2, 0, 1), state.to(w.dtype).transpose(0, 1)
    y, last = run_blocks(DenseSystem(abar, b, c, skip), signal, first)
    return y.permute(1, 2, 0).to(u.dtype), last.transpose(0, 1).to(state.dtype)


def register() -> None:
    """Shapes and gradients of the operator, once its library is loaded."""
    torch.library.register_fake("ssmphony::linear_scan", _shapes)
    torch.library.register_fake("ssmphony::linear_scan_backward", _gradient_shapes)
    torch.library.register_autograd("ssmphony::linear_scan", _gradients, setup_context=_save)


def _shapes(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    u, w, state, keep = arguments[0], arguments[1], arguments[7], arguments[8]
    chunks = (u.shape[1] + STEPS - 1) // STEPS if keep else 0
    return u.new_empty(u.shape), state.new_empty(state.shape), u.new_empty(u.shape[0], chunks, *w.shape)


def _gradient_shapes(grad_y: Tensor, grad_last: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    return tuple(tensor.new_empty(tensor.shape) for tensor in arguments[:8])


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs[:8], output[2])
    ctx.mark_non_differentiable(output[2])


def _gradients(ctx: Any, grad_y: Tensor, grad_last: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    *inputs, kept = ctx.saved_tensors
    if torch.is_grad_enabled():
        return *_gradients_with_graph(inputs, (grad_y, grad_last)), None
    found = torch.ops.ssmphony.linear_scan_backward(grad_y, grad_last, *inputs, kept)
    return *found, None


def _gradients_with_graph(inputs: list[Tensor], grad_outputs: tuple[Tensor, Tensor]) -> tuple[Tensor | None, ...]:
    """Through the reference form, and differentiable. One None for each input without a gradient."""
    # New views, so that an input computed from another one is not followed back to it twice.
    views = [tensor.view_as(tensor) for tensor in inputs]
    wanted = [view for view in views if view.requires_grad]
    found = iter(torch.autograd.grad(reference(*views), wanted, grad_outputs, create_graph=True))
    return tuple(next(found) if view.requires_grad else None for view in views)
