"""The operations of `benchmarks.ssm` as ours and as others have them, on the same tensors.

Each function prepares a form for one input and returns it as a call without arguments, so that laying tensors out as
a peer wants them is not timed. What a peer's package does not offer as a function is written out from its formula.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ssmphony.ssm import scan
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4d import S4DKernel
from ssmphony.ssm.scan import delta, naive, reference

DIFFERENCE = 1e-3
"""Of the largest value: above it two forms do not compute the same thing."""
Call = Callable[[], Tensor]
Form = Callable[..., Call]


def scan_inputs(batch: int, length: int, channels: int = 256, n: int = 16) -> list[Tensor]:
    """Of Mamba as initialised: A = -1 … -n, steps log-uniform from 0.001 to 0.1."""
    torch.manual_seed(0)
    A = -torch.arange(1.0, n + 1).repeat(channels, 1)
    shared = [torch.randn(batch, length, n) for _ in "BC"]
    delta = 1e-3 * 100.0 ** torch.rand(batch, length, channels)
    return [torch.randn(batch, length, channels), delta, A, *shared, torch.randn(channels)]


def ssd_inputs(batch: int, length: int, heads: int = 8, p: int = 64, n: int = 64) -> list[Tensor]:
    """Of Mamba-2 as initialised: A = -1 … -16."""
    torch.manual_seed(0)
    shared = [torch.randn(batch, length, 1, n) for _ in "BC"]
    dt = 1e-3 * 100.0 ** torch.rand(batch, length, heads)
    return [torch.randn(batch, length, heads, p), dt, -torch.linspace(1.0, 16.0, heads), *shared, torch.randn(heads)]


def our_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Call:
    state = A.new_zeros(u.shape[0], *A.shape)
    return lambda: scan.selective_scan(u, delta, A, B, C, D, state)[0]


def our_reference_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Call:
    state = A.new_zeros(u.shape[0], *A.shape)
    return lambda: reference.selective_scan(u, delta, A, B, C, D, state)[0]


def step_by_step(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Call:
    """The formula word for word, a step at a time in PyTorch operations."""
    state = A.new_zeros(u.shape[0], *A.shape)
    return lambda: naive.selective_scan(u, delta, A, B, C, D, state)[0]


def mambapy_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Call:
    """mambapy's parallel scan, between its own discretisation and output."""
    from mambapy.pscan import pscan

    def call() -> Tensor:
        decay = torch.exp(delta.unsqueeze(-1) * A)
        states = pscan(decay, delta.unsqueeze(-1) * B.unsqueeze(2) * u.unsqueeze(-1))
        return (states @ C.unsqueeze(-1)).squeeze(3) + D * u

    return call


def transformers_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Call:
    """The path of `MambaMixer` without its CUDA kernels: a loop over the steps. Time is its last axis."""

    # Not transformers' own function: that looks for kernels on a hub first, and its name changes with the version.
    def call() -> Tensor:
        decay = torch.exp(A[None, :, None, :] * deltaT.unsqueeze(-1))
        drive = deltaT.unsqueeze(-1) * B.unsqueeze(1) * uT.unsqueeze(-1)
        state, outputs = u.new_zeros(u.shape[0], *A.shape), list[Tensor]()
        for t in range(u.shape[1]):
            state = decay[:, :, t] * state + drive[:, :, t]
            outputs.append(torch.matmul(state, C[:, t].unsqueeze(-1))[:, :, 0])
        return (torch.stack(outputs, -1) + uT * D[:, None]).transpose(1, 2)

    uT, deltaT = (part.transpose(1, 2).contiguous() for part in (u, delta))
    return call


def our_ssd(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Call:
    state = x.new_zeros(x.shape[0], *x.shape[2:], B.shape[-1])
    return lambda: scan.ssd(x, dt, A, B, C, D, state)[0]


def our_reference_ssd(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Call:
    state = x.new_zeros(x.shape[0], *x.shape[2:], B.shape[-1])
    return lambda: reference.ssd(x, dt, A, B, C, D, state)[0]


def transformers_ssd(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Call:
    """The path of `Mamba2Mixer` without its CUDA kernels, at its default chunk of 256."""
    from transformers.models.mamba2 import modeling_mamba2

    return lambda: modeling_mamba2.mamba2_chunk_scan(x, dt, A, B, C, chunk_size=256, D=D)


def delta_inputs(batch: int, length: int, heads: int = 4, keys: int = 64, values: int = 128) -> list[Tensor]:
    """Of gated DeltaNet: keys of length 1, decays near 1."""
    torch.manual_seed(0)
    q, k = (functional.normalize(torch.randn(batch, length, heads, keys), dim=-1) for _ in "qk")
    decay, beta = -0.1 * torch.rand(batch, length, heads), torch.rand(batch, length, heads)
    return [q, k, torch.randn(batch, length, heads, values), decay, beta]


def our_delta(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor) -> Call:
    state = v.new_zeros(v.shape[0], *v.shape[2:], k.shape[-1])
    return lambda: scan.gated_delta_rule(q, k, v, log_decay, beta, state)[0]


def our_reference_delta(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor) -> Call:
    state = v.new_zeros(v.shape[0], *v.shape[2:], k.shape[-1])
    return lambda: delta.gated_delta_rule(q, k, v, log_decay, beta, state)[0]


def transformers_delta(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor) -> Call:
    """The path of `Qwen3NextGatedDeltaNet` without its CUDA kernels, which scales the queries."""
    from transformers.models.qwen3_next import modeling_qwen3_next as modelling

    return lambda: modelling.torch_chunk_gated_delta_rule(q * q.shape[-1] ** 0.5, k, v, log_decay, beta)[0]


def complex_inputs(batch: int, length: int, channels: int = 256, n: int = 8) -> list[Tensor]:
    """Pairs of states with A = -1/2 + i pi n, as S4D-Lin; B and C complex."""
    torch.manual_seed(0)
    A = torch.complex(torch.full((channels, n), -0.5), torch.pi * torch.arange(float(n)).repeat(channels, 1))
    shared = [torch.randn(batch, length, n, dtype=torch.complex64) for _ in "BC"]
    steps = 1e-3 * 100.0 ** torch.rand(batch, length, channels)
    return [torch.randn(batch, length, channels), steps, A, *shared, torch.randn(channels)]


def our_kernel(kernel: S4Kernel | S4DKernel, length: int) -> Call:
    return lambda: kernel.kernel(length)


def complex_vandermonde(kernel: S4DKernel, length: int) -> Call:
    """S4D's kernel as `s4d.py` computes it: ``2 Re sum_n C_n (exp(dt A_n) - 1) / A_n exp(dt A_n l)``, all l at once."""

    def call() -> Tensor:
        a = torch.complex(-kernel.log_neg_real.exp(), kernel.imag)
        dt_a = a * kernel.log_dt.exp().unsqueeze(-1)
        c = torch.view_as_complex(kernel.c) * (torch.exp(dt_a) - 1.0) / a
        powers = torch.exp(dt_a.unsqueeze(-1) * torch.arange(length))
        values = 2.0 * torch.einsum("hn,hnl->hl", c, powers).real
        return torch.cat([values[:, :1] + kernel.skip.unsqueeze(-1), values[:, 1:]], -1)

    return call


def cauchy(kernel: S4Kernel, length: int) -> Call:
    """S4's kernel from the truncated generating function at the roots of unity: four Cauchy sums, Woodbury, an inverse
    FFT. The truncated output vector, which the papers' code keeps between calls, is prepared in float64.
    """
    truncated = _truncated_output(kernel, length)

    def call() -> Tensor:
        dt = kernel.log_dt.exp().unsqueeze(-1)
        half = torch.complex(-kernel.log_neg_real.exp(), kernel.imag)
        lam = torch.cat([half, half.conj()], -1)
        p, b = (_both(torch.view_as_complex(part)) for part in (kernel.p, kernel.b))
        omega = torch.exp(-2j * torch.pi * torch.arange(length // 2 + 1) / length)
        # 2 / dt (1 - w) / (1 + w) - lam, times (1 + w) above and below, so that w = -1 is no pole.
        z = 2.0 / dt * (1.0 - omega)
        q = p.conj()
        k00, k01, k10, k11 = (_cauchy_sum(v, z, lam, 1.0 + omega) for v in (truncated * b, truncated * p, q * b, q * p))
        spectrum = 2.0 * (k00 - (1.0 + omega) * k01 * k10 / (1.0 + (1.0 + omega) * k11))
        values = torch.fft.irfft(spectrum, n=length)
        return torch.cat([values[:, :1] + kernel.skip.unsqueeze(-1), values[:, 1:]], -1)

    return call


def _cauchy_sum(v: Tensor, z: Tensor, lam: Tensor, scale: Tensor) -> Tensor:
    """``sum_n v_n / (z - scale lam_n)``."""
    return (v.unsqueeze(-1) / (z.unsqueeze(-2) - scale * lam.unsqueeze(-1))).sum(-2)


def _truncated_output(kernel: S4Kernel, length: int) -> Tensor:
    """``C (I - Abar^length)``, (channel, N) complex, by dense float64 matrices."""
    numbers = {name: part.detach().double().numpy() for name, part in kernel.named_parameters()}
    p, b, c = (_both(torch.view_as_complex(torch.from_numpy(numbers[name]))).numpy() for name in ("p", "b", "c"))
    half = -np.exp(numbers["log_neg_real"]) + 1j * numbers["imag"]
    lam, dt, identity = np.concatenate([half, half.conj()], -1), np.exp(numbers["log_dt"]), np.eye(b.shape[-1])
    rows = []
    for i in range(len(c)):
        a = np.diag(lam[i]) - np.outer(p[i], p[i].conj())
        abar = np.linalg.solve(identity - dt[i] / 2.0 * a, identity + dt[i] / 2.0 * a)
        rows.append(c[i] @ (identity - np.linalg.matrix_power(abar, length)))
    return torch.from_numpy(np.stack(rows)).to(torch.complex64)


def _both(half: Tensor) -> Tensor:
    return torch.cat([half, half.conj()], -1)


def our_layer(kernel: S4Kernel | S4DKernel, x: Tensor) -> Call:
    """The state-space part: the GELU and the linear layer after it are the same in both, and left out."""
    state = x.new_zeros(kernel.d_model, x.shape[0], kernel.d_state)
    return lambda: kernel(x.permute(2, 0, 1), state)[0].permute(1, 2, 0)


def fft_layer(of: Form) -> Form:
    """The same as the papers' code has it: their kernel, and an FFT convolution of twice the length."""

    def form(kernel: S4Kernel | S4DKernel, x: Tensor) -> Call:
        length = x.shape[1]
        make = of(kernel, length)

        def call() -> Tensor:
            spectrum = torch.fft.rfft(make(), n=2 * length) * torch.fft.rfft(x.transpose(1, 2), n=2 * length)
            return torch.fft.irfft(spectrum, n=2 * length)[..., :length].transpose(1, 2)

        return call

    return form


def have(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def forms(operation: str) -> dict[str, Form]:
    """Name → form; ours first. A peer whose package is not installed is left out."""
    found: dict[str, dict[str, Form]] = {
        "selective scan": {
            "ssmphony": our_scan,
            "ssmphony, PyTorch form": our_reference_scan,
            "transformers": transformers_scan,
            **({"mambapy": mambapy_scan} if have("mambapy") else {}),
        },
        "SSD": {
            "ssmphony": our_ssd,
            "ssmphony, PyTorch form": our_reference_ssd,
            **({"transformers": transformers_ssd} if have("transformers") else {}),
        },
        "gated delta rule": {
            "ssmphony": our_delta,
            "ssmphony, PyTorch form": our_reference_delta,
            **({"transformers": transformers_delta} if have("transformers") else {}),
        },
        "complex selective scan": {
            "ssmphony": our_scan,
            "ssmphony, PyTorch form": our_reference_scan,
            "step by step": step_by_step,
        },
        "S4D kernel": {"ssmphony": our_kernel, "complex Vandermonde": complex_vandermonde},
        "S4D layer": {"ssmphony": our_layer, "complex Vandermonde": fft_layer(complex_vandermonde)},
        "S4 kernel": {"ssmphony": our_kernel, "Cauchy": cauchy},
        "S4 layer": {"ssmphony": our_layer, "Cauchy": fft_layer(cauchy)},
    }
    return found[operation]


def arguments(operation: str, batch: int, length: int, n: int = 0) -> list[object]:
    """What a form is given. Tensors and modules that hold float32 parameters; n states, 0 for the usual number."""
    torch.manual_seed(0)
    if operation == "selective scan":
        return list(scan_inputs(batch, length, n=n or 16))
    if operation == "SSD":
        return list(ssd_inputs(batch, length, n=n or 64))
    if operation == "gated delta rule":
        return list(delta_inputs(batch, length, keys=n or 64))
    if operation == "complex selective scan":
        return list(complex_inputs(batch, length, n=n or 8))
    kernel = (S4DKernel if operation.startswith("S4D") else S4Kernel)(256, n or 64)
    if operation.endswith("kernel"):
        return [kernel, length]
    return [kernel, torch.randn(batch, length, 256)]
