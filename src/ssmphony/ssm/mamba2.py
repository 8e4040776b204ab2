"""Mamba-2 (Dao & Gu 2024, arXiv 2405.21060): heads with one decay each, so that a block of steps is matrix products.

z, xBC, dt = in_proj(x)
x, B, C    = silu(conv(xBC))                x in heads, B and C in groups that neighbouring heads share
dt         = softplus(dt + dt_bias)
h[t]       = exp(dt[t] A) h[t-1] + dt[t] x[t] B[t]^T,   A = -exp(A_log) of each head
y          = out_proj(norm((h C + D x) silu(z)))
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pydantic import model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.interfaces import SequenceLayer
from ssmphony.ssm.convolution import full_precision
from ssmphony.ssm.exportable import softplus
from ssmphony.ssm.heads import HeadsConfig
from ssmphony.ssm.mamba import sample_dt_bias
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.scan import ssd
from ssmphony.ssm.short_conv import ShortConv


class Mamba2State(NamedTuple):
    """context: (batch, d_conv - 1, d_inner + 2 * n_groups * d_state), the last inputs of the convolution;
    h: (batch, head, head_dim, d_state). Both float32 at least, whatever autocast says."""

    context: Tensor
    h: Tensor


class GatedRMSNorm(nn.Module):
    """``y silu(z)`` over its root mean square within each of ``groups`` equal parts, times a weight.

    ``before_gate``: y alone over its root mean square, times a weight and ``silu(z)``.
    """

    def __init__(self, channels: int, groups: int, eps: float, before_gate: bool = False) -> None:
        super().__init__()
        self.groups = groups
        self.eps = eps
        self.before_gate = before_gate
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, y: Tensor, z: Tensor) -> Tensor:
        """y, z (…, channel) → (…, channel), in the type of ``y``."""
        gate = F.silu(z.to(y.dtype))
        y = (y if self.before_gate else y * gate).unflatten(-1, (self.groups, -1))
        y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + self.eps)
        y = y.flatten(-2) * self.weight
        return y * gate if self.before_gate else y


class Mamba2(SequenceLayer, nn.Module):
    """A causal SSD layer. A masked step has dt = 0 and does not enter the convolution's memory.

    So the state after padding at the end is that of the last real step, and a row can be continued from it.
    """

    def __init__(self, config: Mamba2Config) -> None:
        super().__init__()
        self.config = config
        heads = config.n_heads
        self.in_proj = nn.Linear(config.d_model, config.d_inner + config.d_mixed + heads, bias=config.bias)
        self.conv = ShortConv(config.d_mixed, config.d_conv, config.conv_bias)
        self.dt_bias = nn.Parameter(sample_dt_bias(heads))
        self.A_log = nn.Parameter(torch.empty(heads).uniform_(1.0, 16.0).log())
        self.D = nn.Parameter(torch.ones(config.d_inner if config.D_per_channel else heads))
        self.norm = GatedRMSNorm(config.d_inner, config.n_groups, config.norm_eps, config.norm_before_gate)
        self.out_proj = nn.Linear(config.d_inner, config.d_model, bias=config.bias)

    def slow_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that train at a lower rate and without weight decay."""
        return ("A_log", "dt_bias")

    def initial_state(self, batch: int) -> Mamba2State:
        context, config = self.conv.initial_context(batch), self.config
        return Mamba2State(context, context.new_zeros(batch, config.n_heads, config.head_dim, config.d_state))

    def forward(
        self, x: Tensor, state: Mamba2State, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, Mamba2State]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset, state)
        config = self.config
        mixed = self.in_proj(hide(x, mask))
        z, mixed, dt = mixed.split([config.d_inner, config.d_mixed, config.n_heads], dim=-1)
        mixed, context = self.conv(mixed, state.context, mask, reset)
        with full_precision(x):
            y, h = self._scan(F.silu(mixed), dt, state.h, mask, reset)
            y = self.norm(y, z)
        return self.out_proj(y.to(z.dtype)), Mamba2State(context, h)

    def _scan(self, mixed: Tensor, dt: Tensor, h: Tensor, mask: Tensor, reset: Tensor | None) -> tuple[Tensor, Tensor]:
        config = self.config
        dtype = torch.promote_types(h.dtype, torch.float32)
        mixed, dt, A_log, dt_bias, D, h = (
            value.to(dtype) for value in (mixed, dt, self.A_log, self.dt_bias, self.D, h)
        )
        width = config.n_groups * config.d_state
        x, *maps = mixed.split([config.d_inner, width, width], dim=-1)
        x = x.unflatten(-1, (config.n_heads, config.head_dim))
        B, C = (value.unflatten(-1, (config.n_groups, config.d_state)) for value in maps)
        dt = softplus(dt + dt_bias)
        dt = dt if config.dt_limit is None else dt.clamp(*config.dt_limit)
        skip = torch.zeros_like(dt_bias) if config.D_per_channel else D
        y, h = ssd(x, hide(dt, mask), -A_log.exp(), B, C, skip, h, reset)
        y = y.flatten(-2)
        return y + D * x.flatten(-2) if config.D_per_channel else y, h


class Mamba2Config(HeadsConfig):
    """Mamba-2."""

    kind: Literal["mamba2"] = "mamba2"
    d_state: int = 64
    """States of each inner channel."""
    d_conv: int = 4
    """Taps of the convolution."""
    expand: int = 2
    """Inner channels, as a multiple of ``d_model``."""
    head_dim: int = 64
    """Inner channels of a head."""
    n_groups: int = 1
    """Input and output maps, shared by the heads."""
    bias: bool = False
    """Whether the input and output maps have a bias."""
    conv_bias: bool = True
    """Whether the convolution has one."""
    norm_eps: float = 1e-5
    """Added to the mean square in the norm."""
    norm_before_gate: bool = False
    """Whether the norm sees the outputs before the gate."""
    D_per_channel: bool = False
    """Whether each inner channel has a skip D of its own, instead of each head."""
    dt_limit: tuple[float, float] | None = None
    """Bounds of the step sizes, None for none."""

    @model_validator(mode="after")
    def _limit_fits(self) -> Mamba2Config:
        if self.dt_limit is not None and not 0.0 <= self.dt_limit[0] <= self.dt_limit[1]:
            raise ValueError(f"dt_limit must be two numbers from 0 on in rising order, got {self.dt_limit}")
        return self

    @property
    def d_mixed(self) -> int:
        """Channels of the convolution: x, B and C."""
        return self.d_inner + 2 * self.n_groups * self.d_state

    def build(self) -> Mamba2:
        return Mamba2(self)
