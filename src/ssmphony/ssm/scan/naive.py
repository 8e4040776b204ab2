"""The recurrences word for word, one step after the other: slow, and what every fast form must equal.

The formulas are those of Mamba (Gu and Dao 2023, arXiv 2312.00752), Mamba-2 (Dao and Gu 2024, arXiv 2405.21060) and
gated DeltaNet (Yang, Kautz and Hatamizadeh 2024, arXiv 2412.06464), as fla states it.
"""

from __future__ import annotations

import torch
from torch import Tensor


def selective_scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """``h = exp(delta A) h + delta B u``, ``y = C h + D u``; shapes as `ssmphony.ssm.scan.selective_scan`."""
    outputs: list[Tensor] = []
    for t in range(u.shape[1]):
        if reset is not None:
            state = torch.where(reset[:, t, None, None], 0.0, state)
        decay = torch.exp(delta[:, t, :, None] * A)
        state = decay * state + (delta[:, t] * u[:, t]).unsqueeze(-1) * B[:, t, None, :]
        y = (state * C[:, t, None, :]).sum(-1)
        outputs.append((2.0 * y.real if y.is_complex() else y) + D * u[:, t])
    return torch.stack(outputs, 1) if outputs else torch.zeros_like(u), state


def ssd(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The same with one decay a head; shapes as `ssmphony.ssm.scan.ssd`."""
    Bs, Cs = (part.repeat_interleave(x.shape[2] // part.shape[2], dim=2) for part in (B, C))
    outputs: list[Tensor] = []
    for t in range(x.shape[1]):
        if reset is not None:
            state = torch.where(reset[:, t, None, None, None], 0.0, state)
        decay = torch.exp(dt[:, t] * A)[..., None, None]
        state = decay * state + (dt[:, t, :, None] * x[:, t]).unsqueeze(-1) * Bs[:, t, :, None, :]
        outputs.append((state * Cs[:, t, :, None, :]).sum(-1) + D[:, None] * x[:, t])
    return torch.stack(outputs, 1) if outputs else torch.zeros_like(x), state


def gated_delta_rule(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor, state: Tensor, reset: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """``S = alpha S + beta (v - alpha S k) k^T``, ``y = S q``; shapes as `ssmphony.ssm.scan.gated_delta_rule`."""
    outputs: list[Tensor] = []
    for t in range(q.shape[1]):
        if reset is not None:
            state = torch.where(reset[:, t, None, None, None], 0.0, state)
        state = log_decay[:, t, :, None, None].exp() * state
        error = v[:, t] - (state * k[:, t, :, None, :]).sum(-1)
        state = state + beta[:, t, :, None, None] * error[..., None] * k[:, t, :, None, :]
        outputs.append((state * q[:, t, :, None, :]).sum(-1))
    return torch.stack(outputs, 1) if outputs else torch.zeros_like(v), state
