"""A Gaussian of each number of a latent, as an encoder of a variational autoencoder gives it (arXiv 1312.6114)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

LOG_VARIANCE = (-8.0, 4.0)
"""Bounds of a log-variance: outside of them its gradient explodes, or the latent is constant."""


class Posterior(NamedTuple):
    """mean, log_variance (batch, time, channel) of a latent."""

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def of(cls, encoded: Tensor) -> Posterior:
        """From what an encoder gives, (batch, time, 2 channels); the log-variance is bounded smoothly."""
        mean, raw = encoded.chunk(2, dim=-1)
        low, high = LOG_VARIANCE
        middle, half = (low + high) / 2.0, (high - low) / 2.0
        return cls(mean, middle + half * torch.tanh((raw - middle) / half))

    def sample(self) -> Tensor:
        """A latent at random, differentiably."""
        return self.mean + torch.randn_like(self.mean) * (0.5 * self.log_variance).exp()

    def divergence(self) -> Tensor:
        """Mean over all numbers of KL(posterior ‖ standard normal), in nats."""
        return 0.5 * (self.mean.square() + self.log_variance.exp() - 1.0 - self.log_variance).mean()
