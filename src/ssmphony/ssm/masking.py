"""Masks of sequence layers: (batch, time) bool, false where a step is padding."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def hide(x: Tensor, mask: Tensor) -> Tensor:
    """Zero where the mask (batch, time) is false, even if ``x`` is not finite there."""
    return x.masked_fill(~mask.unsqueeze(-1), 0.0)


def mean_over_time(x: Tensor, mask: Tensor) -> Tensor:
    """x (batch, time, channel), mask (batch, time) bool → the mean of the steps that there are, (batch, channel); zeros
    where there are none."""
    return hide(x, mask).sum(dim=1) / mask.sum(dim=1, keepdim=True).clamp(min=1)


def check(x: Tensor, mask: Tensor, reset: Tensor | None = None, state: Iterable[Tensor] = ()) -> None:
    """Raise `ValueError` for input that a layer would misinterpret.

    x (batch, time, channel) with time ≥ 1, mask and reset (batch, time) bool, and a state of as many rows: one that is
    broadcast would go unnoticed.
    """
    batch, time = x.shape[:2]
    if time == 0:
        raise ValueError("a sequence layer needs at least one step of input, got a sequence of length 0")
    for name, steps in (("mask", mask), ("reset", reset)):
        if steps is None:
            continue
        if steps.shape != x.shape[:2]:
            raise ValueError(f"{name} must have shape (batch, time) = {(batch, time)}, got {tuple(steps.shape)}")
        if steps.dtype != torch.bool:
            raise ValueError(f"{name} must be bool, got {steps.dtype}")
    for part in state:
        if part.shape[0] != batch:
            raise ValueError(f"the state has {part.shape[0]} rows and the input {batch}: begin with as many")
