"""Mamba-3, gated DeltaNet, complex selective scans and options of Mamba-2 against their formulas in float64.

The oracles are written anew from the public formulas: of state-spaces/mamba (Mamba-3 SISO, the selective scan with a
complex A, `Mamba2`) and of fla (the gated delta rule).
"""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.ssm import GatedDeltaNetConfig, Mamba2Config, Mamba3Config, starts
from ssmphony.ssm.scan import gated_delta_rule, naive, selective_scan
from tests.contract.contract import assert_close, layer_stream, present, speak


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed + sum(shape)))


def turned(x: Tensor, angle: Tensor) -> Tensor:
    y = x.clone()
    for pair in range(angle.shape[-1]):
        a, b = x[..., 2 * pair], x[..., 2 * pair + 1]
        cos, sin = angle[..., pair].cos(), angle[..., pair].sin()
        y[..., 2 * pair], y[..., 2 * pair + 1] = a * cos - b * sin, a * sin + b * cos
    return y


def mamba3(layer: Any, u: Tensor) -> Tensor:
    """Mamba-3, word for word."""
    config = layer.config
    z, x, B, C, dt, a, trap, turn = layer.in_proj(u).split(config.parts, dim=-1)

    def maps(part: Tensor, norm: Any, bias: Tensor) -> Tensor:
        part = part.unflatten(-1, (config.n_groups, config.d_state))
        part = part / (part.square().mean(-1, keepdim=True) + config.norm_eps).sqrt() * norm.weight
        return part.repeat_interleave(config.n_heads // config.n_groups, -2) + bias

    B, C = maps(B, layer.B_norm, layer.B_bias), maps(C, layer.C_norm, layer.C_bias)
    x, z = (part.unflatten(-1, (config.n_heads, config.head_dim)) for part in (x, z))
    dt = F.softplus(dt + layer.dt_bias)
    A = -F.softplus(a).clamp(min=config.A_floor)
    share = torch.sigmoid(trap)
    angle = u.new_zeros(len(u), config.n_heads, config.n_angles)
    h = u.new_zeros(len(u), config.n_heads, config.head_dim, config.d_state)
    old, outputs = torch.zeros_like(h), []
    for t in range(u.shape[1]):
        angle = angle + math.pi * torch.tanh(turn[:, t, None]) * dt[:, t, :, None]
        new = x[:, t, :, :, None] * turned(B[:, t], angle)[:, :, None, :]
        alpha, step, lam = (part[:, t, :, None, None] for part in ((A * dt).exp(), dt, share))
        h = alpha * h + (1 - lam) * step * alpha * old + lam * step * new
        y = (h * turned(C[:, t], angle)[:, :, None, :]).sum(-1) + layer.D[:, None] * x[:, t]
        if config.out_norm:
            y = (
                y
                / (y.square().mean(-1, keepdim=True) + config.norm_eps).sqrt()
                * layer.norm.weight.reshape(y.shape[1:])
            )
        outputs.append((y * F.silu(z[:, t])).flatten(-2))
        old = new
    return layer.out_proj(torch.stack(outputs, 1))


@pytest.mark.parametrize("out_norm", [False, True])
@pytest.mark.parametrize(("fraction", "groups"), [(0.5, 1), (1.0, 2)])
def test_mamba3(fraction: Any, groups: int, out_norm: bool) -> None:
    torch.manual_seed(0)
    config = Mamba3Config(d_model=8, d_state=6, head_dim=4, n_groups=groups, rope_fraction=fraction, out_norm=out_norm)
    layer = config.build().double()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    u = normal(2, 70, 8).requires_grad_()
    y, _ = layer(u, layer.initial_state(2), present(u))
    expected = mamba3(layer, u)
    assert_close(y, expected, 1e-11)
    wanted = [u, *layer.parameters()]
    weight = normal(*y.shape, seed=5)
    for mine, theirs in zip(
        torch.autograd.grad((y * weight).sum(), wanted),
        torch.autograd.grad((expected * weight).sum(), wanted),
        strict=True,
    ):
        assert_close(mine, theirs, 1e-10)
    single = copy.deepcopy(layer).float()
    assert_close(speak(layer_stream(single, 8), u.float()).double(), expected, 2e-5)


def test_mamba3_without_a_trapezoid_is_mamba2s_recurrence() -> None:
    """All of a step's input at once, and no rotation: the exponential Euler rule."""
    torch.manual_seed(0)
    layer = Mamba3Config(d_model=8, d_state=4, head_dim=4).build().double()
    with torch.no_grad():
        parts = layer.in_proj.weight.split(layer.config.parts)
        parts[6].zero_()
        parts[7].zero_()
    u = normal(1, 20, 8)
    full, _ = layer(u, layer.initial_state(1), present(u))
    with torch.no_grad():
        parts[6].zero_()
    assert_close(full, mamba3(layer, u), 1e-12)


@pytest.mark.parametrize("length", [1, 2, 63, 64, 150])
def test_delta_rule(length: int) -> None:
    q, v = normal(2, length, 3, 4), normal(2, length, 3, 5, seed=1)
    k = F.normalize(normal(2, length, 3, 4, seed=2), dim=-1)
    log_decay, beta = -normal(2, length, 3).abs(), torch.sigmoid(normal(2, length, 3, seed=3))
    values = [value.requires_grad_() for value in (q, k, v, log_decay, beta, normal(2, 3, 5, 4))]
    mine, theirs = gated_delta_rule(*values), naive.gated_delta_rule(*values)
    for a, b in zip(mine, theirs, strict=True):
        assert_close(a, b, 1e-11)
    weight = normal(*mine[0].shape, seed=9)
    gradients = [torch.autograd.grad((y * weight).sum() + S.square().sum(), values) for y, S in (mine, theirs)]
    for a, b in zip(*gradients, strict=True):
        assert_close(a, b, 1e-10)


def test_delta_rule_of_transformers() -> None:
    """The form that Hugging Face runs on CPUs."""
    modelling = pytest.importorskip("transformers.models.qwen3_next.modeling_qwen3_next", exc_type=ImportError)
    q, k, v = normal(2, 100, 3, 8).float(), normal(2, 100, 3, 8, seed=1).float(), normal(2, 100, 3, 6, seed=2).float()
    log_decay, beta = -normal(2, 100, 3).abs().float(), torch.sigmoid(normal(2, 100, 3, seed=3)).float()
    expected, _ = modelling.torch_chunk_gated_delta_rule(q, k, v, log_decay, beta, use_qk_l2norm_in_kernel=True)
    unit = [part * torch.rsqrt(part.square().sum(-1, keepdim=True) + 1e-6) for part in (q, k)]
    y, _ = gated_delta_rule(unit[0] * 8**-0.5, unit[1], v, log_decay, beta, torch.zeros(2, 3, 6, 8))
    assert_close(y, expected)


def test_gradients_of_the_new_layers() -> None:
    """By finite differences."""
    torch.manual_seed(0)
    for config in (
        Mamba3Config(d_model=2, d_state=4, head_dim=2, expand=1),
        GatedDeltaNetConfig(d_model=2, n_heads=1, d_key=2, d_value=2, d_conv=2),
    ):
        layer = config.build().double()
        x, mask = normal(1, 4, 2).requires_grad_(), torch.ones(1, 4, dtype=torch.bool)
        state = layer.initial_state(1)
        warm = type(state)(*(normal(*part.shape).abs().requires_grad_() for part in state))

        def run(x: Tensor, *parts: Tensor, layer: Any = layer, mask: Tensor = mask, kind: Any = type(state)) -> Any:
            y, after = layer(x, kind(*parts), mask)
            return y, *after

        assert torch.autograd.gradcheck(run, (x, *warm))


@pytest.mark.parametrize("length", [1, 40, 150])
def test_complex_selective_scan(length: int) -> None:
    """Values, states and gradients against the step loop; one of each conjugate pair stands for both."""
    u, delta = normal(2, length, 3), 0.1 * normal(2, length, 3, seed=1).abs()
    A = torch.complex(-normal(3, 4).abs(), normal(3, 4, seed=1) * 5)
    B, C = (torch.complex(normal(2, length, 4, seed=s), normal(2, length, 4, seed=s + 1)) for s in (2, 4))
    state = torch.complex(normal(2, 3, 4), normal(2, 3, 4, seed=7))
    values = [value.requires_grad_() for value in (u, delta, A, B, C, normal(3), state)]
    mine, theirs = selective_scan(*values), naive.selective_scan(*values)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-11)
    assert not mine[0].is_complex()
    gradients = [torch.autograd.grad(y.sum() + last.abs().square().sum(), values) for y, last in (mine, theirs)]
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
    half, pair = (torch.cat([part, part.conj()], -1).detach() for part in (A, state))
    both = (torch.cat([part, part.conj()], -1).detach() for part in (B, C))
    whole, _ = naive.selective_scan(u, delta, half, *both, values[5], pair)
    torch.testing.assert_close(whole - values[5] * u, 2 * (mine[0] - values[5] * u), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize(
    "options", [{"dt_limit": (0.01, 0.05)}, {"D_per_channel": True}, {"norm_before_gate": True}, {}], ids=str
)
def test_options_of_mamba2(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    layer = Mamba2Config(d_model=8, d_state=4, head_dim=4, n_groups=2, **options).build().double()
    with torch.no_grad():
        layer.D.add_(torch.randn_like(layer.D))
        layer.norm.weight.add_(0.3 * torch.randn_like(layer.norm.weight))
    config, u = layer.config, normal(2, 30, 8)
    z, mixed, dt = layer.in_proj(u).split([config.d_inner, config.d_mixed, config.n_heads], -1)
    padded = F.pad(mixed, (0, 0, config.d_conv - 1, 0))
    mixed = F.silu(sum(padded[:, j : j + 30] * layer.conv.weight[:, j] for j in range(config.d_conv)) + layer.conv.bias)
    x, B, C = mixed.split([config.d_inner, 8, 8], -1)
    B, C = (part.unflatten(-1, (2, 4)) for part in (B, C))
    dt = F.softplus(dt + layer.dt_bias)
    dt = dt.clamp(*options["dt_limit"]) if "dt_limit" in options else dt
    D = layer.D if config.D_per_channel else layer.D.repeat_interleave(4)
    y, _ = naive.ssd(
        x.unflatten(-1, (4, 4)), dt, -layer.A_log.exp(), B, C, torch.zeros(4).double(), u.new_zeros(2, 4, 4, 4)
    )
    y = y.flatten(-2) + D * x
    gate = F.silu(z)
    parts = (y if config.norm_before_gate else y * gate).unflatten(-1, (2, -1))
    normed = (parts / (parts.square().mean(-1, keepdim=True) + 1e-5).sqrt()).flatten(-2) * layer.norm.weight
    expected = layer.out_proj(normed * gate if config.norm_before_gate else normed)
    assert_close(layer(u, layer.initial_state(2), present(u))[0], expected, 1e-11)


def test_starts_of_packed_sequences() -> None:
    marks = starts(torch.tensor([0, 3, 4, 8]))
    assert marks.tolist() == [[True, False, False, True, True, False, False, False]]
    assert torch.equal(starts(torch.tensor([0, 3, 4, 8]), rows=2), marks.reshape(2, 4))
    for wrong in ([1, 3], [0, 3, 3], [0], [0, 5, 2]):
        with pytest.raises(ValueError, match="must rise from 0"):
            starts(torch.tensor(wrong))
    with pytest.raises(ValueError, match="do not fill 2 rows"):
        starts(torch.tensor([0, 3]), rows=2)
