"""Normalising flow of affine couplings over whole sequences (Dinh et al., arXiv 1605.08803), as in VITS.

    x_b ← x_b + m(x_a, condition)         inverse: x_b ← x_b - m(x_a, condition)

Each layer shifts one half of the channels by what a network reads in the other half; the halves take turns. Shifts
alone preserve volume, as in VITS (Kim et al., arXiv 2106.06103), so that there is no determinant in the loss.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from ssmphony.nn.convnext import ConvNeXtStack
from ssmphony.nn.encoder import EncoderConfig
from ssmphony.ssm.masking import hide

KERNEL = 5
"""Taps of the convolution before the blocks of each layer."""


class Coupling(nn.Module):
    """One layer of a flow. Its network is a convolution and the blocks of an `EncoderConfig`, in both directions."""

    def __init__(self, channels: int, d_condition: int, encoder: EncoderConfig, shifts_first: bool) -> None:
        """``channels``: even; ``shifts_first``: whether the first half of them is shifted, or the second."""
        super().__init__()
        if channels % 2:
            raise ValueError(f"a coupling halves its channels: {channels} is odd")
        width, self.width, self.shifts_first = encoder.d_model, channels // 2, shifts_first
        self.enter = nn.Linear(self.width, width)
        self.condition = nn.Linear(d_condition, width, bias=False)
        self.convs = ConvNeXtStack(width, 2 * width, KERNEL, depth=1)
        self.blocks = encoder.build()
        self.norm = nn.LayerNorm(width)
        self.shift = nn.Linear(width, self.width)
        nn.init.zeros_(self.shift.weight)
        nn.init.zeros_(self.shift.bias)

    def forward(self, x: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """Data → noise; shapes as `Flow`."""
        kept, moved = self._halves(x)
        return self._joined(kept, moved + self._shift(kept, condition, mask))

    def inverse(self, x: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """Noise → data."""
        kept, moved = self._halves(x)
        return self._joined(kept, moved - self._shift(kept, condition, mask))

    def _shift(self, kept: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        x = self.convs.whole(self.enter(kept) + self.condition(condition), mask)
        return hide(self.shift(self.norm(self.blocks(x, mask))), mask)

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = x.split(self.width, dim=-1)
        return (second, first) if self.shifts_first else (first, second)

    def _joined(self, kept: Tensor, moved: Tensor) -> Tensor:
        return torch.cat([moved, kept] if self.shifts_first else [kept, moved], dim=-1)


class Flow(nn.Module):
    """Couplings one after another; whole sequences, not a streaming layer. Padding neither changes nor is changed."""

    def __init__(self, channels: int, d_condition: int, depth: int, encoder: EncoderConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Coupling(channels, d_condition, encoder, shifts_first=index % 2 == 1) for index in range(depth)
        )

    def forward(self, x: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channels), condition (batch, time or 1, d_condition), mask (batch, time) bool → like x."""
        for layer in self._couplings():
            x = layer(x, condition, mask)
        return x

    def inverse(self, x: Tensor, condition: Tensor, mask: Tensor) -> Tensor:
        """What `forward` made x of."""
        for layer in reversed(self._couplings()):
            x = layer.inverse(x, condition, mask)
        return x

    def _couplings(self) -> list[Coupling]:
        return cast("list[Coupling]", list(self.layers))
