"""Finite scalar quantisation: each channel is rounded to one of a few levels, and a code numbers their combination.

Mentzer et al., *Finite Scalar Quantization: VQ-VAE Made Simple* (arXiv 2309.15505):

    bound(z) = tanh(z + shift) half - offset        half ≈ (L - 1) / 2; offset 1/2 for an even number L of levels
    value    = round(bound(z)) / floor(L / 2)       the gradient passes through the rounding

There is no codebook to learn, and none of it to collapse.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

_EDGE = 1e-3
"""The outermost levels are reached a little before infinity."""


class FiniteScalarQuantiser(nn.Module):
    """Several codes a step, each of ``len(levels)`` channels.

    Side by side, every code has channels of its own (grouped, as in Fish-Speech's codec). With ``residual`` all of them
    share the channels: the first rounds the values, each further one what the ones before it left, on a finer grid.
    """

    counts: Tensor
    basis: Tensor
    scales: Tensor

    def __init__(self, levels: Sequence[int], codes: int, residual: bool = False) -> None:
        """``levels``: of each channel of a code; their product is the size of its codebook."""
        super().__init__()
        if not levels or min(levels) < 2 or codes < 1:
            raise ValueError(f"{codes} codes of levels {tuple(levels)}: at least one code and two levels are needed")
        self.levels, self.n_codes, self.residual = tuple(levels), codes, residual
        self.size = math.prod(levels)
        self.channels = len(levels) * (1 if residual else codes)
        counts = torch.tensor(levels)
        self.register_buffer("counts", counts, persistent=False)
        self.register_buffer(
            "basis", torch.tensor([math.prod(levels[:i]) for i in range(len(levels))]), persistent=False
        )
        steps = torch.arange(codes if residual else 1)[:, None]
        self.register_buffer("scales", (counts - 1.0).pow(-steps), persistent=False)

    @property
    def codebooks(self) -> tuple[int, ...]:
        return (self.size,) * self.n_codes

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """z (…, channels) → values (…, channels) in [-1, 1], with the gradient of bounded z, and codes (…, code)."""
        if not self.residual:
            values, digits = self._rounded(self._bounded(z.unflatten(-1, (self.n_codes, -1))))
            return values.flatten(-2), self._number(digits)
        bounded = self._bounded(z)
        rest, total, codes = bounded, torch.zeros_like(bounded), list[Tensor]()
        for scale in self.scales.to(z.dtype):
            values, digits = self._rounded(rest / scale)
            codes.append(self._number(digits))
            total, rest = total + values * scale, rest - (values * scale).detach()
        return bounded + (total - bounded).detach(), torch.stack(codes, dim=-1)

    def decode(self, codes: Tensor) -> Tensor:
        """codes (…, code) int → the values (…, channels) that `forward` returned with them."""
        digits = codes[..., None] // self.basis % self.counts
        half = self.counts // 2
        values = (digits - half) / half
        return (values * self.scales).sum(-2) if self.residual else values.flatten(-2)

    def _bounded(self, z: Tensor) -> Tensor:
        """Continuous values, which rounding turns into levels."""
        half = (self.counts - 1.0) * (1.0 + _EDGE) / 2.0
        offset = torch.where(self.counts % 2 == 0, 0.5, 0.0)
        return (torch.tanh(z + torch.atanh(offset / half)) * half - offset) / (self.counts // 2)

    def _rounded(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The nearest levels, with the gradient of ``values``, and their digits."""
        half = self.counts // 2
        place = torch.minimum((values * half).round().clamp(min=-half), self.counts - 1 - half)
        return values + (place / half - values).detach(), (place + half).long()

    def _number(self, digits: Tensor) -> Tensor:
        return (digits * self.basis).sum(-1)
