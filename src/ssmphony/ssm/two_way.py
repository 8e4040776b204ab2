"""Whole sequences read from both sides: full attention, and any streaming mixer run forwards and backwards."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import Config
from ssmphony.interfaces import SequenceLayer
from ssmphony.ssm.attention import AttentionConfig
from ssmphony.ssm.bidirectional import BidirectionalConfig
from ssmphony.ssm.mixer import S4Config, S4DConfig, hide, require_steps


class FullAttention(nn.Module):
    """Multi-head attention of every step to every step, with the linear bias of ALiBi on both sides.

    ``y[t] = out(sum_s softmax_s(q[t] k[s] / sqrt(d) - slope |t - s|) v[s])``, s over the steps that are not masked.
    """

    slopes: Tensor

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(d_model, 3 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)
        slopes = 2.0 ** (-8.0 * torch.arange(1, n_heads + 1) / n_heads)
        self.register_buffer("slopes", slopes, persistent=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), mask (batch, time) bool, false = padding → (batch, time, channel)."""
        require_steps(x)
        parts = self.qkv(hide(x, mask)).chunk(3, dim=-1)
        heads = (part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in parts)
        steps = torch.arange(x.shape[1], device=x.device)
        distance = (steps[:, None] - steps).abs()
        # a step sees itself even where it is masked: a row of scores without any would be NaN, also in gradients
        seen = (mask[:, None] | (distance == 0))[:, None]
        bias = (-self.slopes[:, None, None] * distance).masked_fill(~seen, -torch.inf)
        y = F.scaled_dot_product_attention(*heads, attn_mask=bias.to(x.dtype))
        return self.out(y.transpose(1, 2).flatten(-2))


class TwoWay(nn.Module):
    """``ahead(x) + back(x reversed) reversed``: two streaming mixers whose masked steps leave their state alone."""

    def __init__(self, ahead: nn.Module, back: nn.Module) -> None:
        super().__init__()
        self.ahead = ahead
        self.back = back

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), mask (batch, time) bool, false = padding → (batch, time, channel)."""
        require_steps(x)
        return _run(self.ahead, x, mask) + _run(self.back, x.flip(1), mask.flip(1)).flip(1)


def _run(mixer: nn.Module, x: Tensor, mask: Tensor) -> Tensor:
    assert isinstance(mixer, SequenceLayer)
    y, _ = mixer.forward(x, mixer.initial_state(len(x)), mask)
    return y


def two_way(mixer: Config) -> nn.Module:
    """The mixer of a config for whole sequences, ``forward(x, mask) -> y``.

    Attention without its window; S4 and S4D as one two-sided kernel; Mamba and Mamba-2 once in each direction.
    """
    if isinstance(mixer, AttentionConfig):
        return FullAttention(mixer.d_model, mixer.n_heads)
    if isinstance(mixer, S4Config | S4DConfig):
        return BidirectionalConfig(mixer=mixer).build()
    build = getattr(mixer, "build")  # noqa: B009
    return TwoWay(build(), build())
