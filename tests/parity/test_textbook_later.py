"""Mamba, Mamba-2, Mamba-3 and gated DeltaNet of `ssmphony.ssm` against the last chapter of the textbook."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.ssm import Mamba3Config, scan

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[reference]'")

# after the line above, so that without JAX this file is skipped and not an error
from reference.annotated_s4 import later as chapter  # noqa: E402
from reference.annotated_s4.exact import same  # noqa: E402

later: Any = chapter  # given tensors and lists of arrays alike
L = 70
#: In float32 the compiled forms run.
EXACT = {torch.float64: 1e-9, torch.float32: 1e-5}
both_precisions = pytest.mark.parametrize("dtype", EXACT, ids=str)


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(sum(shape)))


def run(function: Any, dtype: torch.dtype, *values: Tensor) -> tuple[Any, Any]:
    """For one row; what float32 can hold is what both sides are given."""
    y, last = function(*(value.to(dtype) for value in values))
    return y[0].double(), last[0].double()


def jnp(*values: Tensor) -> list[Any]:
    return [jax.numpy.asarray(value.detach().numpy()) for value in values]


@both_precisions
def test_selective_scan(dtype: torch.dtype) -> None:
    u, delta, A = normal(1, L, 3), 0.1 * normal(1, L, 3).abs(), -normal(3, 4).abs()
    B, C, D, h = normal(1, L, 4), normal(1, L, 4) + 1.0, torch.zeros(3, dtype=torch.float64), normal(1, 3, 4)
    y, last = run(scan.selective_scan, dtype, u, delta, A, B, C, D, h)
    for i in range(3):
        expected, end = later.selective(*jnp(u[0, :, i], delta[0, :, i], A[i], B[0], C[0], h[0, i]))
        same(y[:, i], expected, EXACT[dtype])
        same(last[i], end, EXACT[dtype])


@both_precisions
def test_ssd(dtype: torch.dtype) -> None:
    x, dt, A = normal(1, L, 2, 3), 0.1 * normal(1, L, 2).abs(), -normal(2).abs()
    B, C, D, h = normal(1, L, 1, 4), normal(1, L, 1, 4) + 1.0, torch.zeros(2, dtype=torch.float64), normal(1, 2, 3, 4)
    y, last = run(scan.ssd, dtype, x, dt, A, B, C, D, h)
    for i in range(2):
        given = jnp(x[0, :, i], dt[0, :, i], A[i], B[0, :, 0], C[0, :, 0], h[0, i])
        expected, end = later.duality_chunks(*given, steps=35)
        same(y[:, i], expected, EXACT[dtype])
        same(last[i], end, EXACT[dtype])


@both_precisions
def test_gated_delta_rule(dtype: torch.dtype) -> None:
    q, k, v = normal(1, L, 2, 4), F.normalize(normal(1, L, 2, 4) + 1.0, dim=-1), normal(1, L, 2, 3)
    log_decay, beta, S = -0.1 * normal(1, L, 2).abs(), torch.sigmoid(normal(1, L, 2)), normal(1, 2, 3, 4)
    y, last = run(scan.gated_delta_rule, dtype, q, k, v, log_decay, beta, S)
    for i in range(2):
        parts = (q[0, :, i], k[0, :, i], v[0, :, i], log_decay[0, :, i].exp(), beta[0, :, i], S[0, i])
        expected, end = later.delta_rule(*jnp(*parts))
        same(y[:, i], expected, EXACT[dtype])
        same(last[i], end, EXACT[dtype])


def test_mamba3() -> None:
    """The whole layer: its projections here, its recurrence by the textbook's rotations and trapezoid."""
    torch.manual_seed(0)
    layer = Mamba3Config(d_model=8, d_state=6, head_dim=4, n_groups=2, rope_fraction=1.0).build().double()
    config, u = layer.config, normal(1, L, 8)
    y, _ = layer(u, layer.initial_state(1), torch.ones(1, L, dtype=torch.bool))
    z, x, B, C, dt, a, trap, turn = layer.in_proj(u)[0].split(config.parts, dim=-1)
    dt, A, share = F.softplus(dt + layer.dt_bias), -F.softplus(a).clamp(min=config.A_floor), torch.sigmoid(trap)
    x, heads = x.unflatten(-1, (-1, 4)), []
    for i in range(config.n_heads):
        angle = (math.pi * turn.tanh() * dt[:, i, None]).cumsum(0)
        maps = []
        for part, norm, bias in ((B, layer.B_norm, layer.B_bias), (C, layer.C_norm, layer.C_bias)):
            group = part.unflatten(-1, (2, 6))[:, i * 2 // config.n_heads]
            group = group / (group.square().mean(-1, keepdim=True) + config.norm_eps).sqrt() * norm.weight + bias[i]
            pairs, by = jnp(group.unflatten(-1, (-1, 2)), angle)
            maps.append(later.turned(pairs, by).reshape(L, 6))
        nothing = jax.numpy.zeros((4, 6))
        given = jnp(x[:, i], dt[:, i], A[:, i])
        out, _ = later.trapezoid(*given, *maps, *jnp(share[:, i]), nothing, nothing)
        heads.append(torch.from_numpy(np.array(out)) + layer.D[i] * x[:, i])
    expected = layer.out_proj(torch.cat(heads, -1) * F.silu(z))
    same(y[0].detach().numpy(), expected.detach().numpy())
