"""The scans of Mamba and Mamba-2: a recurrence over time whose coefficients change with every step.

Each is one function of the inputs and the first state, for any length, in forms that are tested against each other:
`naive` (word for word), `reference` (PyTorch operations) and `cpu` (compiled, float32). Which one runs follows from
device and dtype, and from nothing else.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ssmphony.ssm.scan import cpu, reference


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Mamba's recurrence (S6, Gu and Dao 2023, arXiv 2312.00752), for each channel with a state of n numbers:

    ``h[t] = exp(delta[t] A) h[t-1] + delta[t] u[t] B[t]``, ``y[t] = C[t] . h[t] + D u[t]``

    u, delta  (batch, time, channel); the steps delta are positive already.
    A         (channel, n), negative real.
    B, C      (batch, time, n).
    D         (channel,).
    state     (batch, channel, n): the state before the first step.
    reset     (batch, time) bool: the state is cleared before these steps.

    Returns y (batch, time, channel) and the state behind the last step, (batch, channel, n). All but ``reset`` are
    differentiable. Raises ValueError where shapes do not fit.
    """
    batch, length, channels = u.shape
    n = A.shape[-1]
    expected = ((batch, length, channels), (channels, n), (batch, length, n), (batch, length, n), (channels,))
    _check("selective_scan", (delta, A, B, C, D, state), (*expected, (batch, channels, n)), reset, (batch, length))
    inputs = (u, delta, A, B, C, D, state)
    if compiled(inputs):
        return cpu.scan("selective_scan", inputs, reset)
    return reference.selective_scan(*inputs, reset)


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

    Returns y (batch, time, head, p) and the state behind the last step. All but ``reset`` are differentiable. Raises
    ValueError where shapes do not fit.
    """
    batch, length, heads, width = x.shape
    groups, n = B.shape[2:]
    if heads % groups:
        raise ValueError(f"ssd: {heads} heads cannot share {groups} groups evenly")
    expected = ((batch, length, heads), (heads,), (batch, length, groups, n), (batch, length, groups, n), (heads,))
    _check("ssd", (dt, A, B, C, D, state), (*expected, (batch, heads, width, n)), reset, (batch, length))
    inputs = (x, dt, A, B, C, D, state)
    if compiled(inputs):
        return cpu.scan("ssd", inputs, reset)
    return reference.ssd(*inputs, reset)


def compiled(inputs: tuple[Tensor, ...]) -> bool:
    """Whether the compiled forms take these; an exported ONNX graph cannot hold it."""
    fits = all(tensor.device.type == "cpu" and tensor.dtype == torch.float32 for tensor in inputs)
    return fits and not torch.onnx.is_in_onnx_export() and cpu.ready()


def _check(
    name: str,
    tensors: tuple[Tensor, ...],
    shapes: tuple[tuple[int, ...], ...],
    reset: Tensor | None,
    steps: tuple[int, int],
) -> None:
    named = zip(("delta", "A", "B", "C", "D", "state"), tensors, shapes, strict=True)
    for part, tensor, shape in [*named, *([("reset", reset, steps)] if reset is not None else [])]:
        if tensor.shape != shape:
            raise ValueError(f"{name}: {part} must have shape {shape}, got {tuple(tensor.shape)}")


__all__ = ["compiled", "selective_scan", "ssd"]
