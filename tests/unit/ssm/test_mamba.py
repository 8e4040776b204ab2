"""Mamba and Mamba-2 against a float64 loop over time; padding, precision."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.config import parse
from ssmphony.nn import StackConfig, parameter_groups
from ssmphony.ssm import Mamba, Mamba2, Mamba2Config, MambaConfig, mamba, mamba2
from ssmphony.types import SsmphonyError
from tests.contract.contract import assert_close, layer_stream, map_state, present, speak
from tests.unit.ssm import selective_oracle as oracle

WIDTH = 6
KINDS: dict[str, Any] = {
    "mamba": MambaConfig(d_model=WIDTH, d_state=3, dt_rank=2),
    "mamba2": Mamba2Config(d_model=WIDTH, d_state=3, head_dim=3, n_groups=2),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def build(kind: str) -> Mamba | Mamba2:
    """A layer none of whose weights is at a special value."""
    torch.manual_seed(0)
    layer = KINDS[kind].build()
    with torch.no_grad():
        for name in ("D", "A_log"):
            parameter = getattr(layer, name)
            parameter.add_(0.3 * torch.randn_like(parameter))
    return layer


def carried(layer: Any, batch: int) -> Any:
    """A state in the middle of a stream."""
    return map_state(lambda part: 0.5 * torch.randn_like(part), layer.initial_state(batch))


def expected(layer: Mamba | Mamba2, w: oracle.Weights, x: Tensor, state: Any) -> tuple[Tensor, Tensor]:
    if isinstance(layer, Mamba):
        return oracle.mamba(w, x, *state)
    return oracle.mamba2(w, x, *state, groups=layer.config.n_groups, eps=layer.config.norm_eps)


@every_kind
@pytest.mark.parametrize("length", [1, 63, 500])
def test_layer_equals_a_loop_over_time(kind: str, length: int) -> None:
    """Outputs, last state, and gradients of everything: weights, input, state."""
    layer = build(kind)
    x, state = torch.randn(2, length, WIDTH), carried(layer, 2)
    x, state = x.requires_grad_(), map_state(lambda part: part.requires_grad_(), state)
    w = oracle.weights(layer)
    x64, state64 = (map_state(lambda part: part.detach().double().requires_grad_(), value) for value in (x, state))
    y, new = layer(x, state, present(x))
    y64, h64 = expected(layer, w, x64, state64)
    assert_close(y.double(), y64)
    assert_close(new.h.double(), h64)
    assert new.context.shape == state.context.shape
    weight_y, weight_h = torch.randn_like(y), torch.randn_like(new.h)
    names = list(w)
    mine = [*dict(layer.named_parameters()).values(), x, *state]
    grads = torch.autograd.grad((y * weight_y).sum() + (new.h * weight_h).sum(), mine)
    theirs = [*w.values(), x64, *state64]
    grads64 = torch.autograd.grad((y64 * weight_y).sum() + (h64 * weight_h).sum(), theirs)
    for name, a, b in zip([*names, "x", "context", "h"], grads, grads64, strict=True):
        assert b.abs().max() > 0, name
        assert float((a - b).abs().max() / b.abs().max()) < 2e-5, name


@every_kind
@pytest.mark.parametrize("bias", [-40.0, 12.0, 2000.0])
def test_extreme_step_sizes(kind: str, bias: float) -> None:
    """Steps so small that the state stands still, and so large that it forgets at once."""
    layer = build(kind)
    with torch.no_grad():
        layer.dt_bias.add_(bias)
    x, state = torch.randn(2, 130, WIDTH), carried(layer, 2)
    y, new = layer(x, state, present(x))
    y64, h64 = expected(layer, oracle.weights(layer), x.double(), map_state(Tensor.double, state))
    tolerance = 1e-4 if bias > 100 else 2e-5  # the norm after the scan enlarges the rounding of such steps
    assert_close(y.double(), y64, tolerance)
    assert_close(new.h.double(), h64, tolerance)
    y.square().mean().backward()
    assert all(bool(torch.isfinite(value.grad).all()) for value in layer.parameters() if value.grad is not None)


@every_kind
@torch.no_grad()
def test_the_state_after_padding_is_that_of_the_last_real_step(kind: str) -> None:
    """So a row that was padded goes on as if it had never been."""
    layer = build(kind).eval()
    x, state = torch.randn(3, 90, WIDTH), carried(layer, 3)
    lengths = [70, 2, 0]
    mask = torch.arange(70) < torch.tensor(lengths).unsqueeze(1)
    padded = x[:, :70].masked_fill(~mask.unsqueeze(-1), float("nan"))
    _, after = layer(padded, state, mask)
    for row, length in enumerate(lengths):
        begin = map_state(lambda part, row=row: part[row : row + 1], state)
        alone = begin if length == 0 else layer(x[row : row + 1, :length], begin, present(x[:1, :length]))[1]
        for a, b in zip(after, alone, strict=True):
            assert_close(a[row : row + 1], b, 1e-6)
    continued, _ = layer(x[:, 70:], after, present(x[:, 70:]))
    whole, _ = layer(x, state, present(x))
    assert_close(continued[:1], whole[:1, 70:])


@every_kind
@torch.no_grad()
def test_padding_in_front_reads_as_absent(kind: str) -> None:
    """Layers after a lookahead see masked steps before the first real one."""
    layer = build(kind).eval()
    x = torch.randn(2, 40, WIDTH)
    padded = torch.cat([torch.full((2, 5, WIDTH), float("nan")), x], dim=1)
    mask = torch.arange(45).expand(2, -1) >= 5
    y, state = layer(padded, layer.initial_state(2), mask)
    alone, alone_state = layer(x, layer.initial_state(2), present(x))
    assert_close(y[:, 5:], alone)
    assert_close(state.h, alone_state.h)
    assert torch.equal(state.context, alone_state.context)


@every_kind
def test_state_is_float32_under_autocast(kind: str) -> None:
    layer = build(kind)
    x, state = torch.randn(2, 100, WIDTH), carried(layer, 2)
    with torch.autocast("cpu", torch.bfloat16):
        y, new = layer(x, state, present(x))
        y.square().sum().backward()
    assert {part.dtype for part in new} == {torch.float32}
    exact, exact_state = layer(x, state, present(x))
    assert_close(y.float(), exact, 0.03)
    assert_close(new.h, exact_state.h, 0.03)
    assert all(value.grad is not None and value.grad.dtype == torch.float32 for value in layer.parameters())


@every_kind
def test_scan_computes_in_float32_under_autocast(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = build(kind)
    module, name = {"mamba": (mamba, "selective_scan"), "mamba2": (mamba2, "ssd")}[kind]
    scan, seen = getattr(module, name), []

    def spy(*values: Tensor | None) -> tuple[Tensor, Tensor]:
        seen.extend(value.dtype for value in values if value is not None)
        assert not torch.is_autocast_enabled("cpu")
        return scan(*values)

    monkeypatch.setattr(module, name, spy)
    x = torch.randn(1, 5, WIDTH)
    with torch.autocast("cpu", torch.bfloat16):
        layer(x, layer.initial_state(1), present(x))
    assert seen == [torch.float32] * 7


@every_kind
def test_layer_in_bfloat16_keeps_a_float32_state(kind: str) -> None:
    layer = build(kind).bfloat16()
    x = torch.randn(2, 20, WIDTH).bfloat16()
    y, state = layer(x, layer.initial_state(2), present(x))
    assert y.dtype == torch.bfloat16
    assert {part.dtype for part in state} == {torch.float32}


def test_step_sizes_are_log_uniform() -> None:
    torch.manual_seed(0)
    for layer in (MambaConfig(d_model=500).build(), Mamba2Config(d_model=500, head_dim=1).build()):
        dt = F.softplus(layer.dt_bias.detach())
        assert float(dt.min()) >= 1e-3 * 0.99
        assert float(dt.max()) <= 0.1 * 1.01
        share = torch.histc(dt.log(), 4, float(torch.tensor(1e-3).log()), float(torch.tensor(0.1).log())) / len(dt)
        torch.testing.assert_close(share, torch.full((4,), 0.25), atol=0.07, rtol=0.0)


@every_kind
def test_optimiser_groups(kind: str) -> None:
    layer = build(kind)
    groups = {group["name"]: {id(value) for value in group["params"]} for group in parameter_groups(layer, 1e-3, 0.1)}
    assert groups["ssm"] == {id(layer.A_log), id(layer.dt_bias)}
    assert {id(layer.D), id(layer.conv.bias)} <= groups["vectors"]
    assert {id(layer.in_proj.weight), id(layer.out_proj.weight), id(layer.conv.weight)} <= groups["weights"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"head_dim": 5}, "head_dim 5 must divide"), ({"n_groups": 3}, "n_groups 3 must divide the 4 heads")],
)
def test_parts_that_do_not_fit_are_named(change: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Mamba2Config(**{"d_model": WIDTH, "head_dim": 3, **change})


def test_a_convolution_of_one_tap_has_no_memory() -> None:
    layer = MambaConfig(d_model=WIDTH, d_conv=1).build().eval()
    assert layer.initial_state(2).context.shape == (2, 0, 2 * WIDTH)
    x = torch.randn(2, 9, WIDTH)
    assert_close(speak(layer_stream(layer, WIDTH), x, cuts=[1, 5]), speak(layer_stream(layer, WIDTH), x))


def test_hybrid_pattern_by_name() -> None:
    data = {"d_model": 64, "n_layers": 4, "mixers": ["mamba2", {"kind": "s4", "d_state": 8}]}
    config = parse(StackConfig, data)
    kinds = [type(layer.mixer).__name__ for layer in config.build().layers]  # type: ignore[union-attr]
    assert kinds == ["Mamba2", "StateSpaceMixer"] * 2
    assert parse(StackConfig, config.model_dump()) == config
    with pytest.raises(SsmphonyError, match="mambo"):
        parse(StackConfig, {**data, "mixers": ["mambo"]})
