"""Packed rows: fast ways against cutting the row, and what must not leak from one sequence into the next."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ssmphony.export.fixed_block import fixed_blocks
from ssmphony.nn import MIXERS, StackConfig
from ssmphony.ssm import MambaConfig, S4DConfig
from ssmphony.ssm.packed import run_packed
from ssmphony.ssm.reset import in_pieces
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4d import S4DKernel
from tests.contract.contract import arrays, assert_close, map_state, present
from tests.contract.layers import WIDTH, mixer

KERNELS = {"s4": lambda: S4Kernel(3, 8).double(), "s4d": lambda: S4DKernel(3, 8).double()}


@pytest.mark.parametrize("share", [0.02, 0.5])
@pytest.mark.parametrize("length", [2, 3, 64, 150])
@pytest.mark.parametrize("kind", KERNELS)
def test_packed_run_is_steps_with_a_cleared_state(kind: str, length: int, share: float) -> None:
    """Blocks that begin at random places against one step after the other, from a state in mid-stream."""
    torch.manual_seed(length)
    kernel = KERNELS[kind]()
    u = torch.randn(3, 4, length, dtype=torch.float64, requires_grad=True)
    first = torch.randn(3, 4, 8, dtype=torch.float64, requires_grad=True)
    reset = torch.rand(4, length) < share
    reset[0] = False
    reset[1, 0] = True
    y, last = run_packed(kernel, u, first, reset)
    state, outputs = first, []
    for step in range(length):
        state = torch.where(reset[:, step, None], 0.0, state)
        out, state = kernel.step(u[..., step], state)
        outputs.append(out)
    expected = torch.stack(outputs, -1)
    torch.testing.assert_close(y, expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(last, state, rtol=1e-9, atol=1e-11)
    wanted = (u, first, *kernel.parameters())
    weight = torch.randn_like(y)
    mine = torch.autograd.grad((y * weight).sum() + last.square().sum(), wanted)
    theirs = torch.autograd.grad((expected * weight).sum() + state.square().sum(), wanted)
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", MIXERS)
@torch.no_grad()
def test_equals_a_row_that_is_cut(kind: str) -> None:
    torch.manual_seed(0)
    layer: Any = mixer(kind).eval()
    x, reset = torch.randn(3, 100, WIDTH), torch.rand(3, 100) < 0.1
    _, state = layer.forward(x[:, :20], layer.initial_state(3), present(x[:, :20]))
    y, last = layer.forward(x, state, present(x), reset)
    expected, end = in_pieces(layer, x, state, present(x), reset)
    assert_close(y, expected)
    for a, b in zip(arrays(last), arrays(end), strict=True):
        assert_close(a.float(), b.float())


@pytest.mark.parametrize("kind", MIXERS)
def test_nothing_leaks_into_the_next_sequence(kind: str) -> None:
    """Not even what is not a number, but for attention, whose softmax weighs it with zero. No gradient leaks at all."""
    torch.manual_seed(0)
    layer: Any = mixer(kind).eval()
    x = torch.randn(1, 80, WIDTH).requires_grad_()
    reset = torch.arange(80).unsqueeze(0) == 50
    mask = torch.ones(1, 80, dtype=torch.bool)
    mask[:, 50 - layer.lookahead : 50] = False
    y, _ = layer.forward(x, layer.initial_state(1), mask, reset)
    (gradient,) = torch.autograd.grad(y[:, 50 + layer.lookahead :].square().sum(), x)
    assert not gradient[:, :50].any()
    assert gradient[:, 50:].any()
    filler = 1e3 if kind == "attention" else torch.nan
    broken = torch.where(torch.arange(80)[:, None] < 50, filler, x.detach())
    z, state = layer.forward(broken, layer.initial_state(1), mask, reset)
    assert_close(z[:, 50 + layer.lookahead :], y[:, 50 + layer.lookahead :], 1e-6)
    assert all(bool(torch.isfinite(part.float()).all()) for part in arrays(state))


def test_no_reset_is_the_ordinary_way() -> None:
    layer = StackConfig(d_model=4, n_layers=2, mixers=(MambaConfig(d_model=4),), lookahead=2).build().eval()
    x = torch.randn(2, 30, 4)
    plain = layer(x, layer.initial_state(2), present(x))
    marked = layer(x, layer.initial_state(2), present(x), torch.zeros(2, 30, dtype=torch.bool))
    map_state(lambda a, b: torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6), plain, marked)


def test_a_layer_fixed_for_export_says_that_it_takes_none() -> None:
    layer: Any = fixed_blocks(StackConfig(d_model=4, n_layers=1, mixers=(S4DConfig(d_model=4),)).build(), 8)
    x = torch.randn(1, 8, 4)
    with pytest.raises(ValueError, match="no resets"):
        layer(x, layer.initial_state(1), present(x), present(x))
