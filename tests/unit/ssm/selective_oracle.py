"""Mamba and Mamba-2 step by step in float64, from the papers' formulas: a loop over time, nothing shared with `src`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Weights = dict[str, Tensor]


def weights(layer: nn.Module) -> Weights:
    """Float64 copies of the parameters that ask for gradients."""
    return {name: value.detach().double().requires_grad_() for name, value in layer.named_parameters()}


def scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h: Tensor, reset: Any = None) -> Any:
    """`ssmphony.ssm.scan.selective_scan`, literally."""
    outputs = []
    for t in range(u.shape[1]):
        h = h if reset is None else torch.where(reset[:, t, None, None], torch.zeros_like(h), h)
        h = torch.exp(delta[:, t, :, None] * A) * h + (delta[:, t] * u[:, t])[..., None] * B[:, t, None, :]
        outputs.append((h * C[:, t, None, :]).sum(-1) + D * u[:, t])
    return torch.stack(outputs, 1), h


def ssd(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, h: Tensor, reset: Any = None) -> Any:
    """`ssmphony.ssm.scan.ssd`, literally: every head is a selective scan whose channels share delta and A."""
    heads, p = x.shape[2:]
    outputs, last = [], []
    for head in range(heads):
        group = head * B.shape[2] // heads
        delta = dt[:, :, head, None].expand(-1, -1, p)
        one = A[head].expand(p, B.shape[3]), B[:, :, group], C[:, :, group], D[head].expand(p), h[:, head]
        y, end = scan(x[:, :, head], delta, *one, reset)
        outputs.append(y)
        last.append(end)
    return torch.stack(outputs, 2), torch.stack(last, 1)


def convolve(x: Tensor, context: Tensor, w: Weights) -> Tensor:
    """SiLU of the depthwise convolution, one step at a time."""
    joined, taps = torch.cat([context, x], 1), w["conv.weight"].shape[1]
    steps = [(joined[:, t : t + taps] * w["conv.weight"].T).sum(1) + w["conv.bias"] for t in range(x.shape[1])]
    return F.silu(torch.stack(steps, 1))


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)), for any x."""
    return torch.logaddexp(x, torch.zeros_like(x))


def mamba(w: Weights, x: Tensor, context: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    """y (batch, time, channel) and the last h of `Mamba`."""
    n = w["A_log"].shape[1]
    u, z = (x @ w["in_proj.weight"].T).chunk(2, -1)
    u = convolve(u, context, w)
    both = u @ w["x_proj.weight"].T
    dt, B, C = both[..., : -2 * n], both[..., -2 * n : -n], both[..., -n:]
    delta = softplus(dt @ w["dt_proj.weight"].T + w["dt_bias"])
    y, h = scan(u, delta, -torch.exp(w["A_log"]), B, C, w["D"], h)
    return (y * z * torch.sigmoid(z)) @ w["out_proj.weight"].T, h


def mamba2(w: Weights, x: Tensor, context: Tensor, h: Tensor, groups: int, eps: float) -> tuple[Tensor, Tensor]:
    """y (batch, time, channel) and the last h of `Mamba2`."""
    heads, p, n = h.shape[1:]
    inner, maps = heads * p, groups * n
    z, mixed, dt = (x @ w["in_proj.weight"].T).split([inner, inner + 2 * maps, heads], -1)
    u, B, C = convolve(mixed, context, w).split([inner, maps, maps], -1)
    B, C = B.unflatten(-1, (groups, n)), C.unflatten(-1, (groups, n))
    dt = softplus(dt + w["dt_bias"])
    y, h = ssd(u.unflatten(-1, (heads, p)), dt, -torch.exp(w["A_log"]), B, C, w["D"], h)
    y = (y.flatten(-2) * z * torch.sigmoid(z)).unflatten(-1, (groups, -1))
    y = (y / torch.sqrt((y * y).mean(-1, keepdim=True) + eps)).flatten(-2) * w["norm.weight"]
    return y @ w["out_proj.weight"].T, h
