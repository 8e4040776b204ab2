"""The scans in plain PyTorch against a loop over time in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ssmphony.ssm.scan import reference
from tests.unit.ssm import selective_oracle as oracle

SCANS = {"selective_scan": (reference.selective_scan, oracle.scan), "ssd": (reference.ssd, oracle.ssd)}
every_scan = pytest.mark.parametrize("name", SCANS)


def inputs(name: str, time: int, scale: float = 1.0, batch: int = 2) -> list[Tensor]:
    """Random arguments in the order of the signature, float64; step sizes spread around ``scale``."""
    torch.manual_seed(0)
    channels, n, heads, p, groups = 3, 2, 4, 3, 2
    if name == "ssd":
        shapes = [(batch, time, heads, p), (batch, time, heads), (heads,), *[(batch, time, groups, n)] * 2, (heads,)]
        state = (batch, heads, p, n)
    else:
        shapes = [(batch, time, channels)] * 2 + [(channels, n), *[(batch, time, n)] * 2, (channels,)]
        state = (batch, channels, n)
    values = [torch.randn(shape, dtype=torch.float64) for shape in [*shapes, state]]
    values[1] = scale * values[1].exp()
    values[2] = -values[2].exp()
    return values


def compare(name: str, values: list[Tensor], reset: Any = None, tolerance: float = 1e-10) -> None:
    fast, slow = SCANS[name]
    values = [value.requires_grad_() for value in values]
    results = [function(*values, reset) for function in (fast, slow)]
    weight_y, weight_h = torch.randn_like(results[0][0]), torch.randn_like(results[0][1])
    grads = [torch.autograd.grad((y * weight_y).sum() + (h * weight_h).sum(), values) for y, h in results]
    for a, b in zip((*results[0], *grads[0]), (*results[1], *grads[1]), strict=True):
        assert bool(torch.isfinite(a).all())
        assert float((a - b).detach().abs().max()) <= tolerance * max(1.0, float(b.detach().abs().max()))


@every_scan
@pytest.mark.parametrize("time", [1, 2, 63, 64, 65, 200])
def test_equals_the_loop(name: str, time: int) -> None:
    compare(name, inputs(name, time))


@every_scan
@pytest.mark.parametrize("time", [1, 63, 64, 65, 200])
def test_the_form_of_exported_graphs_is_the_same(name: str, time: int) -> None:
    """Without a loop over chunks, whose number such a graph does not know."""
    values = inputs(name, time)
    any_length = {"ssd": reference.ssd_of_any_length, "selective_scan": reference.selective_scan_of_any_length}[name]
    for found, expected in zip(any_length(*values, None), SCANS[name][1](*values), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@every_scan
@pytest.mark.parametrize("scale", [1e-8, 1e3, 1e8])
def test_extreme_step_sizes(name: str, scale: float) -> None:
    compare(name, inputs(name, 150, scale))


@every_scan
def test_steps_of_no_length_keep_the_state(name: str) -> None:
    values = inputs(name, 70)
    values[1] = torch.zeros_like(values[1])
    _, last = SCANS[name][0](*values)
    assert torch.equal(last, values[-1])


@every_scan
def test_resets(name: str) -> None:
    """Several a row, at the first and the last step, at the edge of a block; and they cut the stream in two."""
    reset = torch.zeros(2, 130, dtype=torch.bool)
    reset[0, [0, 1, 40, 64, 129]] = True
    reset[1, 63] = True
    values = inputs(name, 130)
    compare(name, values, reset)
    y, last = SCANS[name][0](*values, reset)
    tail = [part[1:, 63:] if index in (0, 1, 3, 4) else part for index, part in enumerate(values)]
    tail[-1] = torch.zeros_like(values[-1][1:])
    y_tail, last_tail = SCANS[name][0](*tail)
    torch.testing.assert_close(y[1:, 63:], y_tail)
    torch.testing.assert_close(last[1:], last_tail)


@every_scan
def test_double_backward(name: str) -> None:
    values = [value.requires_grad_() for value in inputs(name, 3, batch=1)]
    assert torch.autograd.gradgradcheck(SCANS[name][0], values, atol=1e-6)


@every_scan
def test_float32_keeps_its_digits_where_decays_are_long(name: str) -> None:
    """Sums of logarithms over a block must not cancel: a tiny decay after a huge one."""
    values = [value.float() for value in inputs(name, 64)]
    values[1] = torch.full_like(values[1], 1e-3)
    values[1][:, 10] = 1e6
    y, last = SCANS[name][0](*values)
    y64, last64 = SCANS[name][1](*(value.double() for value in values))
    torch.testing.assert_close(y[:, 11:].double(), y64[:, 11:], rtol=1e-5, atol=1e-5 * float(y64[:, 11:].abs().max()))
    torch.testing.assert_close(last.double(), last64, rtol=1e-5, atol=1e-5 * float(last64.abs().max()))
