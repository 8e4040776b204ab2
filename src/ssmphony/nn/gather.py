"""Choosing steps of sequences by index."""

from __future__ import annotations

import torch
from torch import Tensor


def take(x: Tensor, index: Tensor) -> Tensor:
    """x (batch, time, …), index (batch, n) int → (batch, n, …): for each row the steps that its indices name."""
    return x[torch.arange(len(x), device=x.device)[:, None], index]
