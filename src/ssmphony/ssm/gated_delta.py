"""Gated DeltaNet (Yang, Kautz and Hatamizadeh 2024, arXiv 2412.06464): a state that erases what a key pointed at
before it stores the new value. The first layer here whose recurrence is not diagonal.

    q, k, v  = silu(conv(q_proj, k_proj, v_proj (x))),   q and k of length 1
    beta     = sigmoid(b_proj(x)),   alpha = exp(-exp(A_log) softplus(a_proj(x) + dt_bias))
    S[t]     = alpha S[t-1] (I - beta k k^T) + beta v k^T
    y        = out_proj(norm(S q / sqrt(d_k)) silu(g_proj(x)))
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import LayerConfig
from ssmphony.interfaces import SequenceLayer
from ssmphony.ssm.convolution import full_precision
from ssmphony.ssm.exportable import softplus
from ssmphony.ssm.mamba import sample_dt_bias
from ssmphony.ssm.mamba2 import GatedRMSNorm
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.scan import gated_delta_rule
from ssmphony.ssm.short_conv import ShortConv


class GatedDeltaNetState(NamedTuple):
    """context: (batch, d_conv - 1, q, k and v), the last inputs of the convolution; S: (batch, head, d_v, d_k). Both
    float32 at least."""

    context: Tensor
    S: Tensor


class GatedDeltaNet(SequenceLayer, nn.Module):
    """A causal layer of the gated delta rule. A masked step leaves the state as it is."""

    def __init__(self, config: GatedDeltaNetConfig) -> None:
        super().__init__()
        self.config = config
        heads, keys, values = config.n_heads, config.n_heads * config.d_key, config.n_heads * config.d_value
        self.parts = [keys, keys, values]
        self.qkv_proj = nn.Linear(config.d_model, sum(self.parts), bias=False)
        self.conv = ShortConv(sum(self.parts), config.d_conv, bias=False)
        self.a_proj = nn.Linear(config.d_model, heads, bias=False)
        self.b_proj = nn.Linear(config.d_model, heads, bias=False)
        self.g_proj = nn.Linear(config.d_model, values, bias=False)
        self.A_log = nn.Parameter(torch.empty(heads).uniform_(1.0, 16.0).log())
        self.dt_bias = nn.Parameter(sample_dt_bias(heads))
        self.norm = GatedRMSNorm(values, heads, config.norm_eps, before_gate=True)
        self.out_proj = nn.Linear(values, config.d_model, bias=False)

    def slow_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that train at a lower rate and without weight decay."""
        return ("A_log", "dt_bias")

    def initial_state(self, batch: int) -> GatedDeltaNetState:
        context, config = self.conv.initial_context(batch), self.config
        return GatedDeltaNetState(context, context.new_zeros(batch, config.n_heads, config.d_value, config.d_key))

    def forward(
        self, x: Tensor, state: GatedDeltaNetState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, GatedDeltaNetState]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset, state)
        x = hide(x, mask)
        gate = self.g_proj(x)
        mixed, context = self.conv(self.qkv_proj(x), state.context, mask, reset)
        dtype = torch.promote_types(state.S.dtype, torch.float32)
        with full_precision(x):
            parts = F.silu(mixed.to(dtype)).split(self.parts, dim=-1)
            q, k, v = (part.unflatten(-1, (self.config.n_heads, -1)) for part in parts)
            a, b, A_log, dt_bias, first = (
                part.to(dtype) for part in (self.a_proj(x), self.b_proj(x), self.A_log, self.dt_bias, state.S)
            )
            log_decay = hide(-A_log.exp() * softplus(a + dt_bias), mask)
            q, k = _unit(q) * self.config.d_key**-0.5, _unit(k)
            y, last = gated_delta_rule(q, k, v, log_decay, hide(torch.sigmoid(b), mask), first, reset)
            y = self.norm(y.flatten(-2), gate)
        return self.out_proj(y.to(gate.dtype)), GatedDeltaNetState(context, last)


class GatedDeltaNetConfig(LayerConfig):
    """Gated DeltaNet."""

    kind: Literal["gated_deltanet"] = "gated_deltanet"
    n_heads: int = 4
    d_key: int = 64
    """Width of the queries and keys of a head."""
    d_value: int = 128
    """Width of the values of a head."""
    d_conv: int = 4
    """Taps of the convolution."""
    norm_eps: float = 1e-5
    """Added to the mean square in the norm."""

    def build(self) -> GatedDeltaNet:
        return GatedDeltaNet(self)


def _unit(x: Tensor) -> Tensor:
    """x (…, n) of length 1, as fla computes it."""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)
