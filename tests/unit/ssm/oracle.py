"""Independent float64 computations of what the layers must be: dense matrices and a scan over time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reference.discretize import bilinear, zero_order_hold
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4d import S4DKernel

Array = npt.NDArray[np.complex128]


def pairs(values: Tensor) -> Array:
    """Real pairs (…, 2) → complex."""
    numbers = values.detach().double().numpy()
    return numbers[..., 0] + 1j * numbers[..., 1]


def dense(kernel: S4Kernel | S4DKernel, channel: int) -> tuple[Array, Array, Array, float]:
    """Abar (N, N), Bbar (N,), C (N,) over both halves of the conjugate pairs, and D, of one channel."""
    dt = float(torch.exp(kernel.log_dt[channel].detach().double()))
    c = _both(pairs(kernel.c)[channel])
    row = channel // (kernel.d_model // len(kernel.imag))
    lam = -np.exp(kernel.log_neg_real.detach().double().numpy()) + 1j * kernel.imag.detach().double().numpy()
    if isinstance(kernel, S4Kernel):
        p, b = _both(np.atleast_2d(pairs(kernel.p)[row])), _both(pairs(kernel.b)[row])
        a_bar, b_bar = bilinear(np.diag(_both(lam[row])) - p.T @ p.conj(), b, dt)
    else:
        a_bar, b_bar = zero_order_hold(np.diag(_both(lam[row])), np.ones(kernel.d_state), dt)
    return a_bar, b_bar, c, float(kernel.skip[channel].detach())


def scan(system: tuple[Array, Array, Array, float], u: Array, state: Array) -> tuple[Array, Array]:
    """Step by step: u (length,), state (N,) complex → y (length,) real and the last state."""
    a_bar, b_bar, c, d = system
    y = np.zeros(len(u))
    for step, value in enumerate(u):
        state = a_bar @ state + b_bar * value
        y[step] = (c @ state).real + d * value
    return y, state


def run(kernel: S4Kernel | S4DKernel, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
    """Float64 twin of `ssmphony.ssm.kernel.run`: u (channel, batch, length), state (channel, batch, N) real pairs."""
    outputs, last = np.zeros(u.shape), np.zeros(state.shape)
    half = kernel.d_state // 2
    for channel in range(u.shape[0]):
        system = dense(kernel, channel)
        for row in range(u.shape[1]):
            x = state[channel, row].double().numpy()
            y, x = scan(system, u[channel, row].double().numpy(), _both(x[:half] + 1j * x[half:]))
            outputs[channel, row], last[channel, row] = y, np.concatenate([x[:half].real, x[:half].imag])
    return torch.from_numpy(outputs), torch.from_numpy(last)


def impulse_response(kernel: S4Kernel | S4DKernel, length: int) -> Tensor:
    """Float64 (channel, length)."""
    impulse = torch.zeros(kernel.d_model, 1, length, dtype=torch.float64)
    impulse[..., 0] = 1.0
    return run(kernel, impulse, torch.zeros(kernel.d_model, 1, kernel.d_state))[0][:, 0]


def _both(half: Array) -> Array:
    return np.concatenate([half, half.conj()], axis=-1)
