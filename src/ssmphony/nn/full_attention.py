"""Attention over whole sequences (Vaswani et al. 2017) with linear biases for distance (ALiBi, Press et al. 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.ssm.masking import check, hide


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
        check(x, mask)
        parts = self.qkv(hide(x, mask)).chunk(3, dim=-1)
        heads = (part.unflatten(-1, (self.n_heads, -1)).transpose(1, 2) for part in parts)
        steps = torch.arange(x.shape[1], device=x.device)
        distance = (steps[:, None] - steps).abs()
        # a step sees itself even where it is masked: a row of scores without any would be NaN, also in gradients
        seen = (mask[:, None] | (distance == 0))[:, None]
        bias = (-self.slopes[:, None, None] * distance).masked_fill(~seen, -torch.inf)
        y = F.scaled_dot_product_attention(*heads, attn_mask=bias.to(x.dtype))
        return self.out(y.transpose(1, 2).flatten(-2))
