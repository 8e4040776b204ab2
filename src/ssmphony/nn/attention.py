"""Causal attention over a window of steps: the baseline that state-space mixers are compared with.

``y[t] = out(sum_s softmax_s(q[t] k[s] / sqrt(d) - slope (t - s)) v[s])`` over the last ``window`` steps s ≤ t. The
linear bias (Press et al. 2022, ALiBi, arXiv 2108.12409) tells positions apart by distance alone, so a stream needs no
absolute position and the cache is a fixed number of keys and values: with a window as long as the sequence this is full
causal attention, with a shorter one it runs for ever in constant memory.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import LayerConfig
from ssmphony.interfaces import SequenceLayer
from ssmphony.nn.full_attention import FullAttention
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.reset import forget, segments
from ssmphony.ssm.short_conv import last_steps


class AttentionState(NamedTuple):
    """keys, values: (batch, window - 1, d_model) of the last steps; present: (batch, window - 1) bool, false before
    the beginning."""

    keys: Tensor
    values: Tensor
    present: Tensor


class Attention(SequenceLayer, nn.Module):
    """Causal multi-head attention with a cache. Masked steps are not attended to and do not enter the cache."""

    slopes: Tensor

    def __init__(self, config: AttentionConfig) -> None:
        super().__init__()
        self.config = config
        self.qkv = nn.Linear(config.d_model, 3 * config.d_model, bias=False)
        self.out = nn.Linear(config.d_model, config.d_model, bias=False)
        slopes = 2.0 ** (-8.0 * torch.arange(1, config.n_heads + 1) / config.n_heads)
        self.register_buffer("slopes", slopes, persistent=False)

    def initial_state(self, batch: int) -> AttentionState:
        weight, config = self.qkv.weight, self.config
        dtype = torch.promote_types(weight.dtype, torch.float32)
        cache = torch.zeros(batch, config.window - 1, config.d_model, dtype=dtype, device=weight.device)
        return AttentionState(cache, cache.clone(), torch.zeros_like(cache[..., 0], dtype=torch.bool))

    def forward(
        self, x: Tensor, state: AttentionState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, AttentionState]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset, state)
        q, k, v = self.qkv(hide(x, mask)).chunk(3, dim=-1)
        keys = torch.cat([state.keys.to(k.dtype), k], dim=1)
        values = torch.cat([state.values.to(v.dtype), v], dim=1)
        present = torch.cat([state.present, mask], dim=1)
        finite = None if torch.onnx.is_in_onnx_export() else (keys.isfinite() & values.isfinite()).all(-1)
        bias = self._bias(x.shape[1], present, reset, finite).to(q.dtype)
        seen = (keys, values) if finite is None else (hide(keys, finite), hide(values, finite))
        heads = (part.unflatten(-1, (self.config.n_heads, -1)).transpose(1, 2) for part in (q, *seen))
        y = F.scaled_dot_product_attention(*heads, attn_mask=bias).transpose(1, 2).flatten(-2)
        cache = (last_steps(forget(part, reset), mask) for part in (keys, values, present))
        kept = (part.to(old.dtype) for part, old in zip(cache, state, strict=True))
        return self.out(y), AttentionState(*kept)

    def _bias(self, time: int, present: Tensor, reset: Tensor | None = None, finite: Tensor | None = None) -> Tensor:
        """Added to the scores (batch, head, time, window - 1 + time): minus infinity where a step is not seen.

        NaN where a step sees one that is not ``finite``, which itself would reach every step: 0 times NaN is NaN.
        """
        steps = torch.arange(present.shape[1], device=present.device)
        distance = steps[self.config.window - 1 :].unsqueeze(-1) - steps
        seen = (distance > 0) & (distance < self.config.window) & present.unsqueeze(1)
        if reset is not None:
            segment = segments(reset, self.config.window - 1)
            seen = seen & (segment.unsqueeze(1) == segment[:, self.config.window - 1 :].unsqueeze(-1))
        # A step sees itself even where it is masked: a row of scores without any would be NaN, also in gradients.
        seen = (seen | (distance == 0)).unsqueeze(1)
        distance = distance.to(self.slopes.dtype)
        if finite is not None:
            distance = distance.masked_fill(~finite[:, None, None], torch.nan)
        return (-self.slopes[:, None, None] * distance).masked_fill(~seen, -torch.inf)


class AttentionConfig(LayerConfig):
    """Causal attention over the last steps; what is older is forgotten."""

    kind: Literal["attention"] = "attention"
    n_heads: int = 4
    window: int = Field(default=512, ge=1)
    """Steps that are attended to, including the current one."""

    @model_validator(mode="after")
    def _heads_fit(self) -> AttentionConfig:
        if self.d_model % self.n_heads:
            raise ValueError(f"n_heads {self.n_heads} must divide d_model {self.d_model}")
        return self

    def two_sided(self) -> FullAttention:
        """Reads all steps at once, without the window."""
        return FullAttention(self.d_model, self.n_heads)

    def build(self) -> Attention:
        return Attention(self)
