"""The compiled gated delta rule and complex selective scan against the step loop in float64.

What the compiled scans of Mamba and Mamba-2 promise is in `test_scan`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.ssm import scan
from ssmphony.ssm.scan import delta as delta_rule
from ssmphony.ssm.scan import naive, reference

Rule = Callable[..., tuple[Tensor, Tensor]]
#: Largest difference over largest value.
TOLERANCE = 5e-6


class Recurrence(NamedTuple):
    """A function of `scan`, its step loop, its operator, and which of its inputs are of each step."""

    ours: Rule
    loop: Rule
    operator: str
    timed: tuple[int, ...]


RECURRENCES = {
    "delta": Recurrence(scan.gated_delta_rule, naive.gated_delta_rule, "gated_delta_rule", (0, 1, 2, 3, 4)),
    "complex": Recurrence(scan.selective_scan, naive.selective_scan, "complex_scan", (0, 1, 3, 4)),
}
every = pytest.mark.parametrize("name", RECURRENCES)
pytestmark = pytest.mark.usefixtures("compiled")


@pytest.fixture
def no_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs is compiled."""
    for module, function in ((reference, "selective_scan"), (delta_rule, "gated_delta_rule")):
        monkeypatch.setattr(module, function, lambda *_: pytest.fail("not the compiled form"))


def inputs(name: str, length: int, batch: int = 2) -> list[Tensor]:
    """Widths that are no multiple of a vector, and more than one vector."""
    random = torch.Generator().manual_seed(length)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    if name == "delta":
        keys, values = (batch, length, 3, 6), (batch, length, 3, 21)
        k = F.normalize(normal(*keys), dim=-1)
        log_decay, beta = -0.3 * normal(*keys[:3]).abs(), torch.sigmoid(normal(*keys[:3]))
        return [normal(*keys), k, normal(*values), log_decay, beta, normal(batch, 3, 21, 6)]
    channels, n = 19, 5
    A = torch.complex(-normal(channels, n).abs(), 20.0 * normal(channels, n))
    B, C = (torch.complex(normal(batch, length, n), normal(batch, length, n)) for _ in "BC")
    state = torch.complex(normal(batch, channels, n), normal(batch, channels, n))
    u, delta = normal(batch, length, channels), 0.3 * normal(batch, length, channels).abs()
    return [u, delta, A, B, C, normal(channels), state]


def resets(length: int) -> Tensor:
    reset = torch.rand(2, length, generator=torch.Generator().manual_seed(1)) < 0.1
    reset[0, 0] = True
    return reset


def wide(tensor: Tensor) -> Tensor:
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def run(rule: Rule, values: list[Tensor], reset: Tensor | None = None) -> list[Tensor]:
    """y, the last state, and the gradients of a function of both."""
    leaves = [value.detach().requires_grad_() for value in values]
    y, last = rule(*leaves, reset)
    weight = torch.arange(y.numel(), dtype=torch.float64).cos().reshape(y.shape).to(y.dtype)
    loss = (y * weight).sum() + last.abs().square().sum()
    return [part.detach() for part in (y, last, *torch.autograd.grad(loss, leaves))]


def assert_close(ours: list[Tensor], theirs: list[Tensor], tolerance: float = TOLERANCE) -> None:
    for i, (value, expected) in enumerate(zip(ours, theirs, strict=True)):
        assert value.shape == expected.shape
        assert value.is_complex() == expected.is_complex()
        largest = float(wide(expected).abs().max()) if expected.numel() else 0.0
        assert not value.numel() or float((wide(value) - wide(expected)).abs().max()) <= tolerance * largest, i


@every
@pytest.mark.usefixtures("no_reference")
@pytest.mark.parametrize(("length", "packed"), [(1, False), (31, True), (33, False), (100, True)])
def test_equals_the_step_loop(name: str, length: int, packed: bool) -> None:
    rule, reset = RECURRENCES[name], resets(length) if packed else None
    values = inputs(name, length)
    assert_close(run(rule.ours, values, reset), run(rule.loop, [wide(value) for value in values], reset))


@pytest.mark.usefixtures("no_reference")
def test_real_maps_of_a_complex_scan() -> None:
    """And a state of zeros of the real type; gradients are then real."""
    values = inputs("complex", 40)
    values[3], values[4], values[6] = values[3].real, values[4].real, torch.zeros(2, 19, 5)
    exact = [wide(value) for value in values]
    exact[6] = exact[6].to(torch.complex128)
    ours, theirs = run(scan.selective_scan, values), run(naive.selective_scan, exact)
    assert not ours[5].is_complex()
    assert_close([*ours[:8], ours[8]], [*theirs[:8], theirs[8].real])


@pytest.mark.usefixtures("no_reference")
def test_fast_turns() -> None:
    """Angles of thousands of turns in one step keep the digits that float32 has."""
    values = inputs("complex", 40)
    values[2] = torch.complex(values[2].real, 500.0 * values[2].imag)
    phase = (values[1].unsqueeze(-1) * values[2]).to(torch.complex128)
    decay, state = phase.exp(), wide(values[6])
    outputs = []
    for t in range(40):
        state = decay[:, t] * state + wide((values[1] * values[0])[:, t]).unsqueeze(-1) * values[3][:, t, None]
        outputs.append(2 * (state * values[4][:, t, None]).sum(-1).real + values[5] * values[0][:, t])
    assert_close([scan.selective_scan(*values)[0]], [torch.stack(outputs, 1)])


@every
def test_chunks_equal_one_shot(name: str) -> None:
    rule, values, reset = RECURRENCES[name], inputs(name, 77), resets(77)
    y, last = rule.ours(*values, reset)
    *given, state = values
    parts: list[Tensor] = []
    for begin, end in ((0, 1), (1, 2), (2, 40), (40, 40), (40, 77)):
        cut = [value[:, begin:end] if i in rule.timed else value for i, value in enumerate(given)]
        part, state = rule.ours(*cut, state, reset[:, begin:end])
        parts.append(part)
    assert_close([torch.cat(parts, 1), state], [y, last])


@every
@pytest.mark.parametrize(("batch", "length"), [(0, 7), (2, 0)])
def test_nothing_to_do(name: str, batch: int, length: int) -> None:
    values = inputs(name, length, batch)
    y, last, *gradients = run(RECURRENCES[name].ours, values)
    assert y.numel() == 0
    assert torch.equal(last, values[-1])
    assert all(gradient.isfinite().all() for gradient in gradients)


@every
def test_what_is_no_number_stays_in_its_row_and_future(name: str) -> None:
    rule, values = RECURRENCES[name], inputs(name, 50)
    clean, _ = rule.ours(*values)
    (values[2] if name == "delta" else values[0])[0, 20] = torch.nan
    leaves = [value.requires_grad_() for value in values]
    y, last = rule.ours(*leaves)
    assert torch.equal(y[0, :20], clean[0, :20])
    assert torch.equal(y[1], clean[1])
    assert y[0, 20:].isnan().all()
    assert last[0].isnan().any()
    before = torch.autograd.grad(y[0, :20].sum() + y[1].sum(), leaves[0])[0]
    assert before[0, :20].isfinite().all()
    reset = torch.zeros(2, 50, dtype=torch.bool)
    reset[0, 30] = True
    assert rule.ours(*values, reset)[0][0, 30:].isfinite().all()


@every
def test_threads_and_strides_change_nothing(name: str) -> None:
    rule, values, threads = RECURRENCES[name], inputs(name, 40), torch.get_num_threads()
    expected = run(rule.ours, values, resets(40))
    strided = [torch.stack([value, value], -1)[..., 1] for value in values]
    try:
        torch.set_num_threads(3)
        for given in (values, strided):
            assert all(map(torch.equal, run(rule.ours, given, resets(40)), expected))
    finally:
        torch.set_num_threads(threads)


@every
def test_uninitialised_memory_is_never_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch fills what is allocated empty with NaN; one that were read would come out."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        found = run(RECURRENCES[name].ours, inputs(name, 45), resets(45))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(part.isfinite().all() for part in found)


@every
def test_operator_is_well_registered(name: str) -> None:
    values = [value.requires_grad_() for value in inputs(name, 35)]
    operator = getattr(torch.ops.ssmphony, RECURRENCES[name].operator).default
    torch.library.opcheck(operator, (*values, resets(35), True))
    torch.library.opcheck(operator, (*(value.detach() for value in values), None, False))


@every
def test_second_gradients_and_tangents(name: str) -> None:
    """Through the form in PyTorch operations."""
    rule, values = RECURRENCES[name], inputs(name, 20)

    def second(function: Rule, given: list[Tensor]) -> Tensor:
        leaves = [value.detach().requires_grad_() for value in given]
        y, last = function(*leaves)
        (first,) = torch.autograd.grad(y.square().sum() + last.abs().sum(), leaves[0], create_graph=True)
        return torch.autograd.grad(first.square().sum(), leaves[1])[0]

    exact = [wide(value) for value in values]
    assert_close([second(rule.ours, values)], [second(rule.loop, exact)], 1e-4)

    def tangent(function: Rule, given: list[Tensor]) -> Tensor:
        def of_first(first: Tensor) -> Any:
            return function(first, *given[1:])[0]

        return torch.func.jvp(of_first, (given[0],), (given[0],))[1]

    assert_close([tangent(rule.ours, values)], [tangent(rule.loop, exact)])


@every
def test_shapes_that_do_not_fit(name: str) -> None:
    values = inputs(name, 5)
    values[3] = values[3][:, :4]
    wrong = {"delta": "gated_delta_rule: log_decay", "complex": "selective_scan: B"}[name]
    with pytest.raises(ValueError, match=f"{wrong} must have shape"):
        RECURRENCES[name].ours(*values)
