"""Mamba-3 with one input and one output a head (SISO; state-spaces/mamba, 2026): no short convolution, a trapezoidal
step, and a complex state by rotations that the input chooses.

    z, x, B, C, dt, a, trap, angle = in_proj(u)         x in heads, B and C in groups that neighbouring heads share
    B, C      = norm(B) + B_bias, norm(C) + C_bias      a bias for each head
    dt        = softplus(dt + dt_bias),  A = -max(softplus(a), A_floor),  l = sigmoid(trap)
    theta[t]  = theta[t-1] + pi tanh(angle[t]) dt[t]    pairs of B and C are rotated by it
    h[t]      = exp(dt A) (h[t-1] + (1 - l) dt x[t-1] B[t-1]^T) + l dt x[t] B[t]^T
    y         = out_proj((h C + D x) silu(z))

The trapezoid reads two inputs a step: `ssd`, twice, over the inputs and over those of the step before. Once would do,
with ``h[t] + (1 - l[t+1]) dt[t+1] x[t] B[t]^T`` as its state (the published kernel), but then an output is a difference
in which the step after it cancels to rounding, and not at all where that is no number.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.interfaces import SequenceLayer
from ssmphony.ssm.convolution import full_precision
from ssmphony.ssm.exportable import softplus
from ssmphony.ssm.heads import HeadsConfig
from ssmphony.ssm.mamba import sample_dt_bias
from ssmphony.ssm.mamba2 import GatedRMSNorm
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.reset import forget, since_reset
from ssmphony.ssm.scan import ssd
from ssmphony.ssm.short_conv import last_steps

#: The smallest exponent of a decay, so that what enters can be divided by it: exp(-1e-30) is 1.
TINY = 1e-30


class Mamba3State(NamedTuple):
    """angle: (batch, head, rotation), from 0 to 2 pi; h: (batch, head, head_dim, d_state); B: (batch, head, d_state)
    and x: (batch, head, head_dim) of the last step. All float32 at least."""

    angle: Tensor
    h: Tensor
    B: Tensor
    x: Tensor


class Inputs(NamedTuple):
    """What enters the recurrence, of each head: x (batch, time, head, p); B, C (batch, time, head, n), rotated; decay
    ``dt A``, now ``l dt`` and before ``(1 - l) dt`` (batch, time, head)."""

    x: Tensor
    B: Tensor
    C: Tensor
    decay: Tensor
    now: Tensor
    before: Tensor


class Mamba3(SequenceLayer, nn.Module):
    """A causal Mamba-3 layer. A masked step has dt = 0 and leaves the state as it is."""

    def __init__(self, config: Mamba3Config) -> None:
        super().__init__()
        self.config = config
        heads, n = config.n_heads, config.d_state
        self.in_proj = nn.Linear(config.d_model, sum(config.parts), bias=False)
        self.dt_bias = nn.Parameter(sample_dt_bias(heads))
        self.B_norm = RMSNorm(n, config.norm_eps)
        self.C_norm = RMSNorm(n, config.norm_eps)
        self.B_bias = nn.Parameter(torch.ones(heads, n))
        self.C_bias = nn.Parameter(torch.ones(heads, n))
        self.D = nn.Parameter(torch.ones(heads))
        groups = config.n_heads
        self.norm = GatedRMSNorm(config.d_inner, groups, config.norm_eps, before_gate=True) if config.out_norm else None
        self.out_proj = nn.Linear(config.d_inner, config.d_model, bias=False)

    def slow_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that train at a lower rate and without weight decay."""
        return ("dt_bias",)

    def initial_state(self, batch: int) -> Mamba3State:
        config, weight = self.config, self.in_proj.weight
        shapes = ((config.n_angles,), (config.head_dim, config.d_state), (config.d_state,), (config.head_dim,))
        dtype = torch.promote_types(weight.dtype, torch.float32)
        zeros = (torch.zeros(batch, config.n_heads, *shape, dtype=dtype, device=weight.device) for shape in shapes)
        return Mamba3State(*zeros)

    def forward(
        self, x: Tensor, state: Mamba3State, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, Mamba3State]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset, state)
        z, *parts = self.in_proj(hide(x, mask)).split(self.config.parts, dim=-1)
        with full_precision(x):
            inputs, angle = self._inputs(parts, state.angle, mask, reset)
            y, h = self._scan(inputs, state, mask, reset)
            y = y.flatten(-2)
            y = y * F.silu(z.to(y.dtype)) if self.norm is None else self.norm(y, z)
        last = (
            last_steps(forget(torch.cat([old.to(new.dtype).unsqueeze(1), new], dim=1), reset), mask).squeeze(1)
            for old, new in ((state.angle, angle), (state.B, inputs.B), (state.x, inputs.x))
        )
        angle, B, value = last
        return self.out_proj(y.to(z.dtype)), Mamba3State(angle, h, B, value)

    def _inputs(self, parts: list[Tensor], angle: Tensor, mask: Tensor, reset: Tensor | None) -> tuple[Inputs, Tensor]:
        """What enters the recurrence, and the angles (batch, time, head, rotation)."""
        config, dtype = self.config, torch.promote_types(angle.dtype, torch.float32)
        x, keys, queries, dt, a, trap, turn = (part.to(dtype) for part in parts)
        dt = hide(softplus(dt + self.dt_bias.to(dtype)), mask)
        share = torch.sigmoid(trap)
        angle = _angles(angle, math.pi * torch.tanh(turn).unsqueeze(-2) * dt.unsqueeze(-1), reset)
        B, C = (
            _turned(self._for_heads(part, norm, bias, dtype), angle)
            for part, norm, bias in ((keys, self.B_norm, self.B_bias), (queries, self.C_norm, self.C_bias))
        )
        decay = -softplus(a).clamp(min=config.A_floor) * dt
        x = x.unflatten(-1, (config.n_heads, config.head_dim))
        return Inputs(x, B, C, decay, share * dt, (1.0 - share) * dt), angle

    def _for_heads(self, part: Tensor, norm: RMSNorm, bias: Tensor, dtype: torch.dtype) -> Tensor:
        config = self.config
        part = norm(part.unflatten(-1, (config.n_groups, config.d_state)))
        return part.repeat_interleave(config.n_heads // config.n_groups, dim=-2) + bias.to(dtype)

    def _scan(self, inputs: Inputs, state: Mamba3State, mask: Tensor, reset: Tensor | None) -> tuple[Tensor, Tensor]:
        x, B, C, decay, now, before = inputs
        previous = (
            torch.cat([old.to(new.dtype).unsqueeze(1), new[:, :-1]], dim=1) for old, new in ((state.x, x), (state.B, B))
        )
        x_before, B_before = (
            part if reset is None else part.masked_fill(reset[..., None, None], 0.0) for part in previous
        )
        steps = (-decay).clamp(min=TINY)
        drives = (hide(now / steps, mask), hide(before * decay.exp() / steps, mask))
        # Both in one call, as rows of a batch.
        drive = torch.cat([part.unsqueeze(-1) * value for part, value in zip(drives, (x, x_before), strict=True)])
        first = state.h.to(x.dtype)
        minus_one, none = -torch.ones_like(self.D, dtype=x.dtype), torch.zeros_like(self.D, dtype=x.dtype)
        steps, inputs_of_both = hide(steps, mask).repeat(2, 1, 1), torch.cat([B, B_before])
        states = torch.cat([first, torch.zeros_like(first)])
        reset = None if reset is None else reset.repeat(2, 1)
        y, h = ssd(drive, steps, minus_one, inputs_of_both, C.repeat(2, 1, 1, 1), none, states, reset)
        y, h = y.unflatten(0, (2, -1)).sum(0), h.unflatten(0, (2, -1)).sum(0)
        return y + self.D.to(x.dtype).unsqueeze(-1) * x, h


class RMSNorm(nn.Module):
    """Over the root mean square of the last axis, times a weight; in the type of the input."""

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(…, channel) → (…, channel)."""
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight.to(x.dtype)


class Mamba3Config(HeadsConfig):
    """Mamba-3, one input and one output a head."""

    kind: Literal["mamba3"] = "mamba3"
    d_state: int = 128
    """States of each inner channel."""
    expand: int = 2
    """Inner channels, as a multiple of ``d_model``."""
    head_dim: int = 64
    """Inner channels of a head."""
    n_groups: int = 1
    """Input and output maps, shared by the heads."""
    rope_fraction: float = Field(default=0.5, gt=0.0, le=1.0)
    """Share of the states that are rotated, in pairs."""
    A_floor: float = 1e-4
    """The slowest decay."""
    out_norm: bool = False
    """Whether each head is normalised before the gate."""
    norm_eps: float = 1e-5
    """Added to the mean square in the norms."""

    @model_validator(mode="after")
    def _angles_fit(self) -> Mamba3Config:
        if self.n_angles < 1:
            raise ValueError(
                f"d_state {self.d_state} has no pair to turn: choose {round(2 / self.rope_fraction)} at least"
            )
        return self

    @property
    def n_angles(self) -> int:
        return int(self.d_state * self.rope_fraction) // 2

    @property
    def parts(self) -> list[int]:
        """Outputs of the projection in: z, x, B, C, dt, a, trap and angle."""
        maps = self.n_groups * self.d_state
        return [self.d_inner, self.d_inner, maps, maps, self.n_heads, self.n_heads, self.n_heads, self.n_angles]

    def build(self) -> Mamba3:
        return Mamba3(self)


def _angles(before: Tensor, turns: Tensor, reset: Tensor | None) -> Tensor:
    """Running sum of turns (batch, time, head, rotation) modulo 2 pi, in float64: it has no digits to lose."""
    first, added = before.double().unsqueeze(1), turns.double()
    if reset is None:
        return torch.remainder(added.cumsum(1) + first, 2.0 * math.pi).to(turns.dtype)
    # A sum that is no number once would stay so beyond the sequence.
    finite = added.isfinite()
    added, wrong = added.masked_fill(~finite, 0.0), (~finite).long()
    lost = since_reset(wrong.cumsum(1), wrong, torch.zeros_like(wrong[:, :1]), reset) > 0
    total = since_reset(added.cumsum(1), added, first, reset).masked_fill(lost, torch.nan)
    return torch.remainder(total, 2.0 * math.pi).to(turns.dtype)


def _turned(x: Tensor, angle: Tensor) -> Tensor:
    """x (…, n) with its first pairs of neighbours rotated by angle (…, rotation)."""
    count = 2 * angle.shape[-1]
    even, odd = x[..., :count].unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = angle.cos(), angle.sin()
    pairs = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
    return torch.cat([pairs, x[..., count:]], dim=-1)
