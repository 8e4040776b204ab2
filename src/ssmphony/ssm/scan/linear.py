"""The compiled recurrence of ``linear.cpp``: one time-invariant system per channel (S4 and S4D).

One pass over the input does what a convolution by FFT does together with its carried state, in the memory of the
output alone, and with an impulse as its input it is the kernel. ``torch.ops.ssmphony.linear_scan`` takes float32
signals and float64 parameters. Its slow equivalent is `reference`, in PyTorch operations, through which second
derivatives are taken.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ssmphony.ssm.dense import DenseSystem, rotation_matrix
from ssmphony.ssm.packed import run_packed
from ssmphony.ssm.scan.native import Structure, address, int64, kept, pointer, require
from ssmphony.ssm.scan.operators import call, define_for_cpu, schemas
from ssmphony.ssm.scan.operators import register as register_gradients


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


def linear_scan(u: Tensor, system: LinearSystem, state: Tensor, reset: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """u (batch, time, channel) and state (batch, channel, N), float32 → y and the state after the last step.

    The state is cleared before the steps that ``reset`` (batch, time) marks. The recurrence is computed in float64
    where the rank is not zero.
    """
    return call("linear_scan", (u, *system, state), reset)


def run(u: Tensor, system: LinearSystem, state: Tensor, reset: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """`linear_scan` in the layout of a `StateSpaceKernel`: u (channel, batch, time), state (channel, batch, N)."""
    y, last = linear_scan(u.permute(1, 2, 0), system, state.transpose(0, 1), reset)
    return y.permute(2, 0, 1), last.transpose(0, 1)


def impulse_response(system: LinearSystem, length: int) -> Tensor:
    """The kernel (channel, length), float32."""
    channels, n = system.w.shape
    u = system.w.new_zeros(1, length, channels, dtype=torch.float32)
    u[:, 0] = 1.0
    y, _ = linear_scan(u, system, u.new_zeros(1, channels, n))
    return y[0].T.contiguous()


def reference(
    u: Tensor,
    w: Tensor,
    q: Tensor,
    r: Tensor,
    b: Tensor,
    c: Tensor,
    skip: Tensor,
    state: Tensor,
    reset: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The operator in PyTorch operations, in float64: full matrices and blocks of steps."""
    identity = torch.eye(w.shape[-1], dtype=w.dtype, device=w.device)
    abar = identity + rotation_matrix(*w.chunk(2, dim=-1)) + q.transpose(1, 2) @ r
    signal, first = u.to(w.dtype).permute(2, 0, 1), state.to(w.dtype).transpose(0, 1)
    system = DenseSystem(abar, b, c, skip)
    y, last = system.forward(signal, first) if reset is None else run_packed(system, signal, first, reset)
    return y.permute(1, 2, 0).to(u.dtype), last.transpose(0, 1).to(state.dtype)


class _System(Structure):
    """`System` of linear.cpp."""

    _fields_ = (
        *((name, pointer) for name in ("u", "state", "w", "q", "r", "b", "c", "skip", "reset")),
        *((name, int64) for name in ("batch", "time", "channels", "N", "rank", "threads")),
    )


class _Gradients(Structure):
    """`Gradients` of linear.cpp."""

    _fields_ = tuple((name, pointer) for name in ("u", "state", "w", "q", "r", "b", "c", "skip"))


def register(library: ctypes.CDLL) -> None:
    """The operator and its gradients, once their library is loaded."""
    forward, backward = schemas("u", "w", "q", "r", "b", "c", "skip", "state")
    define_for_cpu("linear_scan", forward, functools.partial(_forward, library))
    define_for_cpu("linear_scan_backward", backward, functools.partial(_backward, library))
    register_gradients("linear_scan", reference, kept)


def _system(signals: Sequence[Tensor], parameters: Sequence[Tensor], reset: Tensor | None) -> _System:
    (batch, time, channels), rank, n = signals[0].shape, parameters[1].shape[1], parameters[0].shape[1]
    state = (batch, channels, n)
    flat, low_rank = (channels, n), (channels, rank, n)
    expected = [(batch, time, channels), state, flat, low_rank, low_rank, flat, flat, (channels,)]
    if [*(part.shape for part in (*signals, *parameters))] != expected or n % 2 or rank > 2:
        raise ValueError("linear_scan: shapes do not fit each other")
    if reset is not None and reset.shape != (batch, time):
        raise ValueError(f"linear_scan: reset must have shape {(batch, time)}, got {tuple(reset.shape)}")
    tensors = map(address, (*signals, *parameters, reset))
    return _System(*tensors, batch, time, channels, n, rank, torch.get_num_threads())


def _forward(library: ctypes.CDLL, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    u, *given, state, reset, keep = arguments
    (u, state), reset = require((u, state), reset)
    parameters, _ = require(given, dtype=torch.float64)
    system = _system((u, state), parameters, reset)
    y, last, states = torch.empty_like(u), torch.empty_like(state), kept(u, state, keep)
    library.ssmphony_linear(ctypes.byref(system), address(y), address(last), address(states if keep else None))
    return y, last, states


def _backward(library: ctypes.CDLL, grad_y: Tensor, grad_last: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    u, *given, state, reset, states = arguments
    (u, state, grad_y, grad_last, states), reset = require((u, state, grad_y, grad_last, states), reset)
    parameters, _ = require(given, dtype=torch.float64)
    system = _system((u, state), parameters, reset)
    du, dstate = torch.empty_like(u), torch.empty_like(state)
    rows = [part.new_empty(system.batch, *part.shape) for part in parameters]
    gradients = _Gradients(*map(address, (du, dstate, *rows)))
    library.ssmphony_linear_backward(
        ctypes.byref(system), address(grad_y), address(grad_last), address(states), ctypes.byref(gradients)
    )
    return du, *(part.sum(0) for part in rows), dstate
