"""Masks of sequence layers: (batch, time) bool, false where a step is padding."""

from __future__ import annotations

from torch import Tensor


def hide(x: Tensor, mask: Tensor) -> Tensor:
    """Zero where the mask (batch, time) is false, even if ``x`` is not finite there."""
    return x.masked_fill(~mask.unsqueeze(-1), 0.0)


def require_steps(x: Tensor) -> None:
    """Raise `ValueError` for a sequence of no steps: a layer needs at least one."""
    if x.shape[1] == 0:
        raise ValueError("a sequence layer needs at least one step of input, got a sequence of length 0")
