"""What every training task shares: the learning-rate schedule and batches that are a function of the step.

Batches, dropout and crops depend on (seed, step) and on nothing else, so a run that was killed resumes to the same
losses as an unbroken one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from pydantic import Field
from torch.utils.data import DataLoader, IterableDataset

from ssmphony.config import Config


class OptimiserConfig(Config):
    """AdamW with linear warm-up and cosine decay to ``final_lr`` of the peak, over ``max_steps``."""

    lr: float = Field(default=1e-3, gt=0.0)
    """Peak learning rate. Parameters of state-space dynamics have a tenth of it, at most 1e-3."""
    betas: tuple[float, float] = (0.8, 0.99)
    weight_decay: float = Field(default=0.01, ge=0.0)
    """Of weights; vectors and state-space dynamics do not decay."""
    warmup: int = Field(default=500, ge=0)
    """Steps to the peak."""
    max_steps: int = Field(default=10_000, ge=1)
    final_lr: float = Field(default=0.05, ge=0.0, le=1.0)
    """Last learning rate, as a share of the peak."""
    gradient_clip: float = Field(default=1.0, gt=0.0)
    """Largest norm of the gradient."""

    def factor(self, step: int) -> float:
        """Share of the peak learning rate at a step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        progress = min(1.0, (step - self.warmup) / max(1, self.max_steps - self.warmup))
        return self.final_lr + (1 - self.final_lr) * 0.5 * (1 + math.cos(math.pi * progress))


class Steps(IterableDataset[Any]):
    """Endless batches from ``make(step)``, from ``first_step()`` on, where training stands."""

    def __init__(self, make: Callable[[int], Any], first_step: Callable[[], int]) -> None:
        self.make = make
        self.first_step = first_step

    def __iter__(self) -> Iterator[Any]:
        step = self.first_step()
        while True:
            yield self.make(step)
            step += 1

    def loader(self) -> DataLoader[Any]:
        return DataLoader(self, batch_size=None)


def seed_step(seed: int, step: int) -> None:
    """Make dropout and noise of a step a function of (seed, step)."""
    torch.manual_seed((seed * 1_000_003 + step) % 2**63)
