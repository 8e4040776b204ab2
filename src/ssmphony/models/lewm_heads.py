"""How a step of LeWM TTS draws the next latent: from a Gaussian, or by a small flow from noise.

Both read the predictor's output h, and its mean, which is trained by the squared error in any case. Noise is standard
normal and given from outside, so that what is drawn is a function of seed and position.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LEAST_LOG_SCALE, MOST_LOG_SCALE = -5.0, 2.0
TIME_FEATURES = 16


class GaussianHead(nn.Module):
    """A Gaussian around the mean, with a scale for each channel and step."""

    def __init__(self, d_model: int, d_latent: int) -> None:
        super().__init__()
        self.log_scale = nn.Linear(d_model, d_latent)
        nn.init.zeros_(self.log_scale.weight)
        nn.init.constant_(self.log_scale.bias, -0.5)

    def scale(self, h: Tensor) -> Tensor:
        """h (…, d_model) → log standard deviations (…, d_latent)."""
        return self.log_scale(h).clamp(LEAST_LOG_SCALE, MOST_LOG_SCALE)

    def draw(self, h: Tensor, mean: Tensor, noise: Tensor) -> Tensor:
        """h (…, d_model), mean and noise (…, d_latent) → a latent (…, d_latent)."""
        return mean + noise * self.scale(h).exp()

    def losses(self, h: Tensor, mean: Tensor, target: Tensor) -> Tensor:
        """Minus the log likelihood of target (…, d_latent), without its constant: (…, d_latent).

        The mean is a constant of it: with both in one loss a large scale hides a poor mean (arXiv 2203.09168).
        """
        log_scale = self.scale(h)
        return 0.5 * ((target - mean.detach()) * torch.exp(-log_scale)).square() + log_scale


class FlowHead(nn.Module):
    """Flow matching (Lipman et al., arXiv 2210.02747): a network says in which direction a latent lies from noise.

    On the line ``x = (1 - t) noise + t latent`` it learns ``latent - noise``; speaking takes ``steps`` of it. A latent
    is what is left of it without the mean. The network is that of Li et al., *Autoregressive image generation without
    vector quantization* (arXiv 2406.11838): residual layers whose norms are modulated by h and t.
    """

    frequencies: Tensor

    def __init__(self, d_model: int, d_latent: int, width: int, layers: int, steps: int) -> None:
        super().__init__()
        self.steps = steps
        self.enter = nn.Linear(d_latent, width)
        self.condition = nn.Linear(d_model, width)
        self.time = nn.Linear(2 * TIME_FEATURES, width)
        self.layers = nn.ModuleList(ModulatedLayer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, d_latent)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        frequencies = math.pi * torch.exp(torch.linspace(0.0, math.log(64.0), TIME_FEATURES))
        self.register_buffer("frequencies", frequencies, persistent=False)

    def direction(self, x: Tensor, time: Tensor, h: Tensor) -> Tensor:
        """x (…, d_latent), time (…, 1) from 0 to 1, h (…, d_model) → (…, d_latent)."""
        angles = time * self.frequencies
        condition = F.silu(self.condition(h) + self.time(torch.cat([angles.sin(), angles.cos()], dim=-1)))
        x = self.enter(x)
        for layer in self.layers:
            x = layer(x, condition)
        return self.leave(self.norm(x))

    def draw(self, h: Tensor, mean: Tensor, noise: Tensor) -> Tensor:
        """h (…, d_model), mean and noise (…, d_latent) → a latent (…, d_latent); it lies around the mean."""
        x = noise
        for step in range(self.steps):
            time = torch.full_like(x[..., :1], step / self.steps)
            x = x + self.direction(x, time, h) / self.steps
        return mean + x

    def losses(self, h: Tensor, mean: Tensor, target: Tensor) -> Tensor:
        """Squared error of the direction at a random time, (…, d_latent)."""
        rest = target - mean.detach()
        noise = torch.randn_like(rest)
        time = torch.rand_like(rest[..., :1])
        return (self.direction(noise + time * (rest - noise), time, h) - (rest - noise)).square()


class ModulatedLayer(nn.Module):
    """x + gate · MLP(scaled and shifted norm of x)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.modulation = nn.Linear(width, 3 * width)
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift, gate = self.modulation(condition).chunk(3, dim=-1)
        y = self.norm(x) * (1.0 + scale) + shift
        return x + gate * self.down(F.silu(self.up(y)))
