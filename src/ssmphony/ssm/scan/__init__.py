"""The scans of Mamba, Mamba-2 and gated DeltaNet: recurrences over time whose coefficients change with every step.

Each is one function of the inputs and the first state, for any length, in forms that are tested against each other:
`naive` (word for word), `reference` (PyTorch operations), `cpu` (compiled, float32) and `triton` (compiled for GPUs).
Which one runs follows from device, dtype and the size of a head, and from nothing else.
"""

from __future__ import annotations

import functools
import importlib
import logging

import torch
from torch import Tensor
from torch.autograd import forward_ad

from ssmphony.ssm.scan import cpu, operators, reference
from ssmphony.ssm.scan import delta as delta_rule
from ssmphony.ssm.scan.tracing import constant

#: Numbers of one state (of a head, of a channel) that the kernels for GPUs have registers for.
GPU_STATE = 64 * 128

_log = logging.getLogger(__name__)


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mamba's recurrence (S6, Gu and Dao 2023, arXiv 2312.00752), for each channel with a state of n numbers:

    ``h[t] = exp(delta[t] A) h[t-1] + delta[t] u[t] B[t]``, ``y[t] = C[t] . h[t] + D u[t]``

    u, delta  (batch, time, channel); the steps delta are positive already.
    A         (channel, n), negative real; or complex with a negative real part, one of each conjugate pair: then B, C
              and the state may be complex too, and ``y[t] = 2 Re(C[t] . h[t]) + D u[t]``.
    B, C      (batch, time, n).
    D         (channel,).
    state     (batch, channel, n): the state before the first step.
    reset     (batch, time) bool: the state is cleared before these steps.

    Returns y (batch, time, channel) and the state after the last step, (batch, channel, n). All but ``reset`` are
    differentiable. Raises ValueError where shapes do not fit.
    """
    batch, length, channels = u.shape
    n = A.shape[-1]
    expected = ((batch, length, channels), (channels, n), (batch, length, n), (batch, length, n), (channels,))
    _check("selective_scan", (delta, A, B, C, D, state), (*expected, (batch, channels, n)), reset, (batch, length))
    if A.is_complex():
        given = (u, delta, A, *(part.to(A.dtype) for part in (B, C)), D, state.to(A.dtype))
        real, paired = (u, delta, D), (A, *given[3:5], given[6])
        if compiled(real) and compiled(paired, torch.complex64):
            return operators.call("complex_scan", given, reset)
        return reference.selective_scan(u, delta, A, B, C, D, state, reset)
    return _scan("selective_scan", (u, delta, A, B, C, D, state), reset)


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mamba-2's recurrence (SSD, Dao and Gu 2024, arXiv 2405.21060): one decay for all of a head.

    ``h[t] = exp(dt[t] A) h[t-1] + dt[t] x[t] B[t]^T``, ``y[t] = h[t] C[t] + D x[t]``

    x      (batch, time, head, p).
    dt     (batch, time, head), positive already.
    A      (head,), negative real.
    B, C   (batch, time, group, n); neighbouring heads share a group.
    D      (head,).
    state  (batch, head, p, n): the state before the first step.
    reset  (batch, time) bool: the state is cleared before these steps.

    Returns y (batch, time, head, p) and the state after the last step. All but ``reset`` are differentiable. Raises
    ValueError where shapes do not fit.
    """
    batch, length, heads, width = x.shape
    groups, n = B.shape[2:]
    if heads % groups:
        raise ValueError(f"ssd: {heads} heads cannot share {groups} groups evenly")
    expected = ((batch, length, heads), (heads,), (batch, length, groups, n), (batch, length, groups, n), (heads,))
    _check("ssd", (dt, A, B, C, D, state), (*expected, (batch, heads, width, n)), reset, (batch, length))
    return _scan("ssd", (x, dt, A, B, C, D, state), reset)


def gated_delta_rule(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The recurrence of gated DeltaNet (arXiv 2412.06464): a step replaces what its key points at by its value.

    ``S[t] = alpha S[t-1] (I - beta k k^T) + beta v k^T``, ``y[t] = S[t] q[t]`` with ``alpha = exp(log_decay)``

    q, k       (batch, time, head, d_k); keys of length 1, or the state may grow.
    v          (batch, time, head, d_v).
    log_decay  (batch, time, head), at most 0.
    beta       (batch, time, head), from 0 to 1.
    state      (batch, head, d_v, d_k): the state before the first step.
    reset      (batch, time) bool: the state is cleared before these steps.

    Returns y (batch, time, head, d_v) and the state after the last step. All but ``reset`` are differentiable. Raises
    ValueError where shapes do not fit.
    """
    batch, length, heads, keys = q.shape
    values, steps = v.shape[-1], (batch, length, heads)
    shapes = ((*steps, keys), (*steps, values), steps, steps, (batch, heads, values, keys))
    names = ("k", "v", "log_decay", "beta", "state")
    _check("gated_delta_rule", (k, v, log_decay, beta, state), shapes, reset, (batch, length), names)
    inputs = (q, k, v, log_decay, beta, state)
    if compiled(inputs):
        return operators.call("gated_delta_rule", inputs, reset)
    return delta_rule.gated_delta_rule(*inputs, reset)


def compiled(inputs: tuple[Tensor, ...], dtype: torch.dtype = torch.float32) -> bool:
    """Whether the compiled forms take these; an exported ONNX graph cannot hold one."""
    fits = all(tensor.device.type == "cpu" and tensor.dtype == dtype for tensor in inputs)
    return fits and not torch.onnx.is_in_onnx_export() and not _has_tangent(inputs) and cpu.ready()


def _has_tangent(inputs: tuple[Tensor, ...]) -> bool:
    """Whether a derivative is carried forward (`torch.func.jvp`), of which the compiled forms know nothing."""
    if torch.compiler.is_compiling():
        return False
    return any(forward_ad.unpack_dual(tensor).tangent is not None for tensor in inputs)


def _scan(name: str, inputs: tuple[Tensor, ...], reset: Tensor | None) -> tuple[Tensor, Tensor]:
    """The form for these tensors."""
    if compiled(inputs):
        return operators.call(name, inputs, reset)
    devices, dtypes = {tensor.device.type for tensor in inputs}, {tensor.dtype for tensor in inputs}
    real = all(dtype.is_floating_point and dtype != torch.float64 for dtype in dtypes)
    fits = inputs[6].shape[2:].numel() <= GPU_STATE and real
    known = not torch.onnx.is_in_onnx_export() and not _has_tangent(inputs)
    if devices == {"cuda"} and fits and known and _gpu_ready():
        return operators.call(f"triton_{name}", inputs, reset)
    return operators.REFERENCE[name](*inputs, reset)


@constant
def _gpu_ready() -> bool:
    return _load_triton()


@functools.cache
def _load_triton() -> bool:
    """Whether the operators for GPUs are there; says once why if they are not. Nothing else imports Triton."""
    try:
        importlib.import_module("ssmphony.ssm.scan.triton")
    except ImportError as missing:
        _log.warning("the scans run in their slower PyTorch form: for their GPU form, install Triton (%s)", missing)
        return False
    return True


def _check(
    name: str,
    tensors: tuple[Tensor, ...],
    shapes: tuple[tuple[int, ...], ...],
    reset: Tensor | None,
    steps: tuple[int, int],
    names: tuple[str, ...] = ("delta", "A", "B", "C", "D", "state"),
) -> None:
    named = zip(names, tensors, shapes, strict=True)
    for part, tensor, shape in [*named, *([("reset", reset, steps)] if reset is not None else [])]:
        if tensor.shape != shape:
            raise ValueError(f"{name}: {part} must have shape {shape}, got {tuple(tensor.shape)}")


__all__ = ["compiled", "gated_delta_rule", "selective_scan", "ssd"]
