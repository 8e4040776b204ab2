"""Attention of a stream to a sequence that is known as a whole: speech to its text.

``y[t] = out(sum_j a[t, j] v[j])``, ``a[t] = softmax_j(q[t] k[j] / sqrt(d))`` (Vaswani et al. 2017, arXiv 1706.03762).
Keys and values are computed from the text once; a step costs O(text) and changes no state.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

UNSEEN = -1e9
"""Not infinity: a row without any text must not become NaN."""


class CrossAttention(nn.Module):
    """Multi-head attention; the weights are returned as well, since alignments are read from them."""

    def __init__(self, d_model: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.keys_values = nn.Linear(d_model, 2 * d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def read(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """text (batch, token, channel) → keys and values, (batch, head, token, channel / head): as each step multiplies
        them, so that no step rearranges them, and with each token contiguous, so that some are picked quickly."""
        keys, values = (part.unflatten(-1, (self.n_heads, -1)) for part in self.keys_values(text).chunk(2, dim=-1))
        return keys.transpose(1, 2), values.transpose(1, 2)

    def forward(
        self, x: Tensor, keys: Tensor, values: Tensor, seen: Tensor, bias: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """x (batch, time, channel), seen (batch, time or 1, token) bool, false where a step may not look; bias (batch,
        head, time, token) is added to the scores.

        Returns (batch, time, channel) and the weights, the mean of the heads, (batch, time, token).
        """
        q = self.query(x).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
        scores = q @ keys.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if bias is not None:
            scores = scores + bias
        weights = scores.masked_fill(~seen[:, None], UNSEEN).float().softmax(dim=-1)
        y = (weights.to(values.dtype) @ values).transpose(1, 2).flatten(-2)
        return self.out(y), weights.mean(1)


def sinusoids(positions: Tensor, channels: int) -> Tensor:
    """Sines and cosines of positions (…) at geometric rates, (…, channels); Vaswani et al. 2017, section 3.5."""
    half = channels // 2
    rates = torch.exp(torch.arange(half, device=positions.device) * (-math.log(10_000.0) / max(1, half - 1)))
    angles = positions[..., None].float() * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
