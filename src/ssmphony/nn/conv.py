"""Convolutions over time that stream: the left context is a value that goes in and comes out.

`LookaheadConv` is the convolution itself. `CausalConv` is a depthwise sequence layer made of it, with masks and resets;
`DilatedConv` is a sequence layer that mixes all channels. `CausalUpsample` doubles the rate, and `ResConvBlock` is a
residual block of two convolutions.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import LayerConfig
from ssmphony.interfaces import SequenceLayer
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.reset import forget, in_pieces, taps
from ssmphony.types import SsmphonyError


class LookaheadConv(nn.Module):
    """Convolution over time with its context passed in; output step i belongs to input step i - lookahead.

    Equal to zero padding of ``kernel_size - 1 - lookahead`` steps before and ``lookahead`` after the sequence, if the
    first context is zero.
    """

    def __init__(
        self,
        d_in: int,
        d_out: int,
        kernel_size: int,
        lookahead: int = 0,
        groups: int = 1,
        bias: bool = True,
        std: float | None = 0.02,
    ) -> None:
        """Build the convolution.

        Args:
            d_in: Channels of the input.
            d_out: Channels of the output.
            kernel_size: Taps.
            lookahead: Taps on future steps, fewer than ``kernel_size``.
            groups: As in `torch.nn.Conv1d`; ``d_in`` for a depthwise convolution.
            bias: Whether a bias is added.
            std: Standard deviation of the first weights, whose bias is zero; None for those of `torch.nn.Conv1d`.

        Raises:
            SsmphonyError: If the lookahead does not fit the kernel.
        """
        super().__init__()
        if not 0 <= lookahead < kernel_size:
            raise SsmphonyError(
                f"a kernel_size of {kernel_size} takes a lookahead of 0 to {kernel_size - 1}, not {lookahead}"
            )
        self.lookahead = lookahead
        self.groups = groups
        self.weight = nn.Parameter(torch.empty(d_out, d_in // groups, kernel_size))
        self.bias = nn.Parameter(torch.zeros(d_out)) if bias else None
        if std is not None:
            nn.init.trunc_normal_(self.weight, std=std)
            return
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        if self.bias is not None:
            bound = (d_in // groups * kernel_size) ** -0.5
            nn.init.uniform_(self.bias, -bound, bound)

    @property
    def context(self) -> int:
        """Steps of the past that the next output needs."""
        return self.weight.shape[-1] - 1

    def initial_context(self, batch: int) -> Tensor:
        """Zeros (batch, kernel_size - 1, d_in)."""
        weight = self.weight  # not its `new_zeros`, which of a sharded weight would be sharded
        channels = weight.shape[1] * self.groups
        return torch.zeros(batch, self.context, channels, dtype=weight.dtype, device=weight.device)

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (batch, time, d_in), context (batch, kernel_size - 1, d_in) → (batch, time, d_out), x delayed by the
        lookahead, and the new context."""
        time = x.shape[1]
        joined = torch.cat([context, x], dim=1)
        y = F.conv1d(joined.transpose(1, 2), self.weight, self.bias, groups=self.groups).transpose(1, 2)
        start = self.context - self.lookahead
        return y, joined[:, start : start + time], joined[:, time:]


class ConvState(NamedTuple):
    """context: (batch, kernel_size - 1, channel), the last inputs, zero before the beginning."""

    context: Tensor


class CausalConv(SequenceLayer, nn.Module):
    """Depthwise convolution of ``kernel_size`` taps, the last ``lookahead`` of them on the future."""

    def __init__(self, d_model: int, kernel_size: int, lookahead: int = 0, bias: bool = True) -> None:
        super().__init__()
        self.lookahead = lookahead
        self.conv = LookaheadConv(d_model, d_model, kernel_size, lookahead, groups=d_model, bias=bias, std=None)

    def initial_state(self, batch: int) -> ConvState:
        return ConvState(self.conv.initial_context(batch))

    def forward(
        self, x: Tensor, state: ConvState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, ConvState]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset, state)
        x, context = hide(x, mask), state.context.to(x.dtype)
        if reset is None:
            y, _, context = self.conv(x, context)
            return y, ConvState(context)
        joined = torch.cat([context, x], dim=1)
        weights = self.conv.weight.squeeze(1).unbind(1)
        y = torch.stack(
            [tap * weight for tap, weight in zip(taps(joined, x.shape[1], reset), weights, strict=True)]
        ).sum(0)
        y = y if self.conv.bias is None else y + self.conv.bias
        return y, ConvState(forget(joined, reset)[:, x.shape[1] :])


class CausalConvConfig(LayerConfig):
    """A depthwise convolution over time."""

    kind: Literal["causal_conv"] = "causal_conv"
    kernel_size: int = 4
    """Taps."""
    lookahead: int = 0
    """Taps on future steps."""

    def build(self) -> CausalConv:
        return CausalConv(self.d_model, self.kernel_size, self.lookahead)


class DilatedConv(SequenceLayer, nn.Module):
    """Convolution of all channels, ``kernel_size`` taps that are ``dilation`` steps apart, then GELU. Causal."""

    def __init__(self, d_model: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(d_model, d_model, kernel_size, dilation=dilation)
        self.context = (kernel_size - 1) * dilation

    def initial_state(self, batch: int) -> ConvState:
        return ConvState(self.conv.weight.new_zeros(batch, self.context, self.conv.in_channels))

    def forward(
        self, x: Tensor, state: ConvState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, ConvState]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset, state)
        if reset is not None:
            return in_pieces(self, x, state, mask, reset)
        joined = torch.cat([state.context.to(x.dtype), hide(x, mask)], dim=1)
        return F.gelu(self.conv(joined.transpose(1, 2)).transpose(1, 2)), ConvState(joined[:, x.shape[1] :])


class CausalUpsample(nn.Module):
    """Transposed convolution of stride 2, four taps: each pair of outputs reads its input step and the one before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(width, width, 4, stride=2)

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, time, width), context (batch, 1, width) → (batch, 2 time, width) and the new context."""
        joined = torch.cat([context, x], dim=1)
        y = self.conv(joined.transpose(1, 2)).transpose(1, 2)
        return y[:, 2 : 2 + 2 * x.shape[1]], joined[:, -1:]


class ResConvBlock(nn.Module):
    """x + scale · conv(GELU(norm(conv(x)))), convolutions of three taps, the first with a lookahead."""

    def __init__(self, width: int, lookahead: int, scale: float) -> None:
        super().__init__()
        self.lookahead = lookahead
        self.conv1 = LookaheadConv(width, width, 3, lookahead)
        self.norm = nn.LayerNorm(width)
        self.conv2 = LookaheadConv(width, width, 3)
        self.scale = nn.Parameter(torch.full((width,), scale))

    def forward(self, x: Tensor, contexts: tuple[Tensor, Tensor], mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (batch, time, width) → y, delayed by the lookahead, and the new contexts; ``mask`` is that of y."""
        y, residual, first = self.conv1(x, contexts[0])
        y, _, second = self.conv2(F.gelu(self.norm(y)) * mask[..., None], contexts[1])
        return (residual + self.scale * y) * mask[..., None], first, second
