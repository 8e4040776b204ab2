"""Depthwise convolution over time with state and a declared lookahead."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from ssmphony.config import Config
from ssmphony.interfaces import SequenceLayer
from ssmphony.ssm.masking import hide, require_steps
from ssmphony.ssm.reset import forget, taps


class ConvState(NamedTuple):
    """context: (batch, kernel_size - 1, channel), the last inputs, zero before the beginning."""

    context: Tensor


class CausalConv(SequenceLayer, nn.Module):
    """Depthwise convolution of ``kernel_size`` taps, the last ``lookahead`` of them on the future.

    Output step ``i`` belongs to input step ``i - lookahead``. Equal to zero padding of ``kernel_size - 1 -
    lookahead`` before and ``lookahead`` behind the sequence.
    """

    def __init__(self, d_model: int, kernel_size: int, lookahead: int = 0, bias: bool = True) -> None:
        super().__init__()
        if kernel_size < 1 or not 0 <= lookahead < kernel_size:
            raise ValueError(f"lookahead must be at least 0 and below kernel_size {kernel_size}, got {lookahead}")
        self.lookahead = lookahead
        self.conv = nn.Conv1d(d_model, d_model, kernel_size, groups=d_model, bias=bias)

    def initial_state(self, batch: int) -> ConvState:
        weight = self.conv.weight
        shape = (batch, weight.shape[2] - 1, weight.shape[0])
        return ConvState(torch.zeros(shape, dtype=weight.dtype, device=weight.device))

    def forward(
        self, x: Tensor, state: ConvState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, ConvState]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        require_steps(x)
        joined = torch.cat([state.context.to(x.dtype), hide(x, mask)], dim=1)
        if reset is None:
            return self.conv(joined.transpose(1, 2)).transpose(1, 2), ConvState(joined[:, x.shape[1] :])
        weights = self.conv.weight.squeeze(1).unbind(1)
        y = torch.stack(
            [tap * weight for tap, weight in zip(taps(joined, x.shape[1], reset), weights, strict=True)]
        ).sum(0)
        y = y if self.conv.bias is None else y + self.conv.bias
        return y, ConvState(forget(joined, reset)[:, x.shape[1] :])


class CausalConvConfig(Config):
    """``kernel_size`` taps, ``lookahead`` of them on the future."""

    kind: Literal["causal_conv"] = "causal_conv"
    d_model: int
    kernel_size: int = 4
    lookahead: int = 0

    def build(self) -> CausalConv:
        return CausalConv(self.d_model, self.kernel_size, self.lookahead)
