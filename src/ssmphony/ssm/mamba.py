"""Mamba (Gu & Dao 2023, arXiv 2312.00752): a state-space layer whose step size, input and output maps are chosen
by the input.

    u, z     = in_proj(x)                       two branches of d_inner channels
    u        = silu(conv(u))
    dt, B, C = x_proj(u)
    delta    = softplus(dt_proj(dt) + dt_bias)
    h[t]     = exp(delta[t] A) h[t-1] + delta[t] B[t] u[t],   A = -exp(A_log)
    y        = out_proj((C h + D u) silu(z))
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
from ssmphony.ssm.kernel import sample_log_dt
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.scan import selective_scan
from ssmphony.ssm.short_conv import ShortConv


class MambaState(NamedTuple):
    """context: (batch, d_conv - 1, d_inner), the last inputs of the convolution; h: (batch, d_inner, d_state).

    Both float32 at least, whatever autocast says.
    """

    context: Tensor
    h: Tensor


class Mamba(SequenceLayer, nn.Module):
    """A causal S6 layer. A masked step has delta = 0 and does not enter the convolution's memory.

    So the state after padding at the end is that of the last real step, and a row can be continued from it.
    """

    def __init__(self, config: MambaConfig) -> None:
        super().__init__()
        self.config = config
        d_inner, d_state, rank = config.d_inner, config.d_state, config.rank
        self.in_proj = nn.Linear(config.d_model, 2 * d_inner, bias=config.bias)
        self.conv = ShortConv(d_inner, config.d_conv, config.conv_bias)
        self.x_proj = nn.Linear(d_inner, rank + 2 * d_state, bias=False)
        self.dt_proj = nn.Linear(rank, d_inner, bias=False)
        nn.init.uniform_(self.dt_proj.weight, -(rank**-0.5), rank**-0.5)
        # Not the bias of dt_proj: added in float32 also where linears compute in bfloat16.
        self.dt_bias = nn.Parameter(sample_dt_bias(d_inner))
        self.A_log = nn.Parameter(torch.arange(1.0, d_state + 1).log().expand(d_inner, -1).clone())
        self.D = nn.Parameter(torch.ones(d_inner))
        self.out_proj = nn.Linear(d_inner, config.d_model, bias=config.bias)

    def slow_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that train at a lower rate and without weight decay."""
        return ("A_log", "dt_bias")

    def initial_state(self, batch: int) -> MambaState:
        context = self.conv.initial_context(batch)
        return MambaState(context, context.new_zeros(batch, self.config.d_inner, self.config.d_state))

    def forward(
        self, x: Tensor, state: MambaState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, MambaState]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset, state)
        u, z = self.in_proj(hide(x, mask)).chunk(2, dim=-1)
        u, context = self.conv(u, state.context, mask, reset)
        y, h = self._scan(F.silu(u), state.h, mask, z.dtype, reset)
        return self.out_proj(y.to(z.dtype) * F.silu(z)), MambaState(context, h)

    def _scan(
        self, u: Tensor, h: Tensor, mask: Tensor, linear: torch.dtype, reset: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """The selective scan; ``linear`` is the type in which linears compute."""
        n = self.config.d_state
        dt, *maps = self.x_proj(u.to(linear)).split([self.config.rank, n, n], dim=-1)
        dt = self.dt_proj(dt)
        dtype = torch.promote_types(h.dtype, torch.float32)
        with full_precision(u):
            u, dt, B, C, A_log, dt_bias, D, h = (
                value.to(dtype) for value in (u, dt, *maps, self.A_log, self.dt_bias, self.D, h)
            )
            delta = hide(softplus(dt + dt_bias), mask)
            return selective_scan(u, delta, -A_log.exp(), B, C, D, h, reset)


class MambaConfig(LayerConfig):
    """Mamba."""

    kind: Literal["mamba"] = "mamba"
    d_state: int = 16
    """States of each inner channel."""
    d_conv: int = 4
    """Taps of the convolution."""
    expand: int = 2
    """Inner channels, as a multiple of ``d_model``."""
    dt_rank: int | None = None
    """Channels that the step size is read through; None for a sixteenth of ``d_model``."""
    bias: bool = False
    """Whether the input and output maps have a bias."""
    conv_bias: bool = True
    """Whether the convolution has one."""

    @property
    def d_inner(self) -> int:
        return self.expand * self.d_model

    @property
    def rank(self) -> int:
        return -(-self.d_model // 16) if self.dt_rank is None else self.dt_rank

    def build(self) -> Mamba:
        return Mamba(self)


def sample_dt_bias(count: int) -> Tensor:
    """Biases (count,) whose softplus is log-uniform in [1e-3, 1e-1]."""
    dt = sample_log_dt(count).exp()
    return (dt + torch.log(-torch.expm1(-dt))).to(torch.get_default_dtype())
