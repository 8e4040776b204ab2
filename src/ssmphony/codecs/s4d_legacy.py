"""The S4D autoencoder of a student report on generating music, to the letter, as what it is compared with.

    x (batch, 90000) ─▶ LN ─▶ S4D(1) ─▶ conv 1→2, stride 2 ─▶ LN ─▶ S4D(2) ─▶ GELU ─▶ LN ─▶ conv 2→1, stride 2 ─▶ LN
      ─▶ the same S4D(1) ─▶ GELU

Of its 270,093 parameters 93 are not those of layer norms over *time*: each of 90,000 places has a gain and a bias of
its own, so the length is fixed and a template of the training data is stored. The latent holds as many numbers as the
input: nothing is compressed. The GELU at the end has no value below -0.17: negative half-waves are lost. It is no
codec.

The report measured it on the features of the VAE that it was compared with. Of that VAE it says nothing but that it
learned the same clips: `LegacyVae` takes its place.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.ssm.s4_layer import StateSpaceMixer
from ssmphony.ssm.s4d import S4DKernel

LENGTH = 90_000
"""Samples: 30 s at `SAMPLE_RATE`."""
SAMPLE_RATE = 3_000
D_STATE = 10


class LegacyAutoencoder(nn.Module):
    """``length`` and ``d_state`` are the report's unless a test needs others."""

    def __init__(self, length: int = LENGTH, d_state: int = D_STATE) -> None:
        super().__init__()
        self.s4d_1 = StateSpaceMixer(S4DKernel(1, d_state))
        self.d1 = nn.Conv1d(1, 2, 2, stride=2)
        self.s4d_2 = StateSpaceMixer(S4DKernel(2, d_state))
        self.u2 = nn.ConvTranspose1d(2, 1, 2, stride=2)
        self.norm = nn.LayerNorm(length)
        self.norm_1 = nn.LayerNorm(length // 2)

    def forward(self, x: Tensor) -> Tensor:
        """x (batch, length) → (batch, length)."""
        return self.decode(self.encode(x))

    def encode(self, x: Tensor) -> Tensor:
        """x (batch, length) → the latent (batch, 2, length / 2)."""
        x = self.s4d_1.whole(self.norm(x)[..., None])
        x = self.norm_1(self.d1(x.transpose(1, 2)))
        return F.gelu(self.s4d_2.whole(x.transpose(1, 2)).transpose(1, 2))

    def decode(self, latent: Tensor) -> Tensor:
        """latent (batch, 2, length / 2) → (batch, length)."""
        x = self.norm(self.u2(self.norm_1(latent))[:, 0])
        return F.gelu(self.s4d_1.whole(x[..., None])[..., 0])


class LegacyVae(nn.Module):
    """A plain VAE of the same clips: three strided convolutions to a Gaussian latent, and back.

    Its encoder's means are the features of the report's method.
    """

    def __init__(self, length: int = LENGTH, latent: int = 64) -> None:
        """``length`` is a multiple of 1,000."""
        super().__init__()
        self.shape = (64, length // 1_000)
        flat = self.shape[0] * self.shape[1]
        widths = ((1, 16), (16, 32), (32, 64))
        self.down = nn.ModuleList(nn.Conv1d(before, after, 20, stride=10, padding=5) for before, after in widths)
        self.to_latent = nn.Linear(flat, 2 * latent)
        self.from_latent = nn.Linear(latent, flat)
        self.up = nn.ModuleList(
            nn.ConvTranspose1d(after, before, 20, stride=10, padding=5) for before, after in reversed(widths)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, length) → its copy, from a draw in training, and the divergence of the posterior in nats."""
        mean, log_variance = self.posterior(x)
        latent = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if self.training else mean
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1).mean()
        return self.decode(latent), divergence

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, length) → mean and log-variance (batch, latent)."""
        x = x[:, None]
        for down in self.down:
            x = F.gelu(down(x))
        mean, log_variance = self.to_latent(x.flatten(1)).chunk(2, dim=1)
        return mean, log_variance.clamp(-8.0, 4.0)

    def decode(self, latent: Tensor) -> Tensor:
        """latent (batch, latent) → (batch, length)."""
        x = self.from_latent(latent).unflatten(1, self.shape)
        for place, up in enumerate(self.up):
            x = up(F.gelu(x) if place else x)
        return x[:, 0]
