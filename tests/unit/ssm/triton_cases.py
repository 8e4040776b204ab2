"""The Triton scans against the step loop in float64: on a GPU, or in Triton's interpreter with TRITON_INTERPRET=1.

Run by `test_scan_triton` in a process of its own, since Triton decides at its import whether it interprets.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from ssmphony.ssm.scan import naive, operators
from ssmphony.ssm.scan import triton as _triton  # noqa: F401  (defines the operators)
from tests.unit.ssm.test_scan import NAMES, TOLERANCE, inputs, relative, resets

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
every_scan = pytest.mark.parametrize("name", NAMES)
slow = pytest.mark.slow


@pytest.fixture(autouse=True)
def poison(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """PyTorch fills what is allocated empty with NaN; one that were read would come out."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    assert torch.empty(4, device=DEVICE).isnan().all()
    yield
    torch.use_deterministic_algorithms(False)


def narrow(name: str, values: list[Tensor]) -> list[Tensor]:
    """Three channels of two states: the interpreter takes a scan element by element. Strided, as a slice is."""
    if name == "ssd":
        return values
    u, delta, A, B, C, D, state = values
    return [u[..., :3], delta[..., :3], A[:3, :2], B[..., :2], C[..., :2], D[:3], state[:, :3, :2]]


def ours(name: str, values: list[Tensor], reset: Tensor | None = None) -> tuple[Tensor, Tensor]:
    return operators.call(f"triton_{name}", tuple(values), reset)


def gradients(outputs: tuple[Tensor, Tensor], leaves: list[Tensor]) -> tuple[Tensor, ...]:
    """For weights that depend on the outputs' shapes alone."""
    weights = [torch.arange(y.numel(), dtype=torch.float64).cos().reshape(y.shape).to(y) for y in outputs]
    return torch.autograd.grad(outputs, leaves, weights)


def assert_equal(name: str, values: list[Tensor], reset: Tensor | None, tolerance: float) -> None:
    """Outputs and all gradients; ``values`` in float64 are rounded to float32, others stay."""
    theirs = [value.detach().double().cpu().requires_grad_() for value in values]
    expected = getattr(naive, name)(*theirs, reset)
    mine = [(value.float() if value.dtype == torch.float64 else value).to(DEVICE).requires_grad_() for value in values]
    found = ours(name, mine, None if reset is None else reset.to(DEVICE))
    for i, (value, twin) in enumerate(zip(found, expected, strict=True)):
        assert relative(value.cpu(), twin) <= tolerance, f"output {i}"
    pairs = zip(gradients(found, mine), gradients(expected, theirs), mine, strict=True)
    for i, (value, twin, leaf) in enumerate(pairs):
        assert (value.shape, value.dtype) == (leaf.shape, leaf.dtype)
        assert relative(value.cpu(), twin) <= tolerance, f"gradient {i}"


def at_the_edges(length: int, batch: int) -> Tensor:
    """Resets at the first and the last step and around the edges of chunks; none in the third row."""
    reset = torch.zeros(batch, length, dtype=torch.bool)
    for row, steps in enumerate([(0, 1, 63, 64, 127, 129), (62, 65, 128)][:batch]):
        reset[row, [step for step in steps if step < length]] = True
    return reset


@every_scan
@pytest.mark.parametrize(
    ("length", "batch", "with_resets"),
    [
        (1, 1, False),
        (1, 3, True),
        (63, 1, True),
        pytest.param(63, 3, False, marks=slow),
        (130, 1, False),
        pytest.param(130, 3, True, marks=slow),
    ],
)
def test_equals_the_step_loop(name: str, length: int, batch: int, with_resets: bool) -> None:
    values = narrow(name, inputs(name, length, batch))
    assert_equal(name, values, at_the_edges(length, batch) if with_resets else None, TOLERANCE[torch.float32])


@slow
@every_scan
def test_extreme_steps(name: str) -> None:
    """From steps that change nothing to steps that forget everything, side by side."""
    assert_equal(name, narrow(name, inputs(name, 130, low=1e-6, high=50.0)), None, TOLERANCE[torch.float32])


@slow
def test_several_blocks_of_channels() -> None:
    """70 channels: two full blocks and six of a third."""
    torch.manual_seed(0)
    shapes = [(2, 3, 70), (2, 3, 70), (70, 1), (2, 3, 1), (2, 3, 1), (70,), (2, 70, 1)]
    values = [torch.randn(shape, dtype=torch.float64).float().double() for shape in shapes]
    values[1], values[2] = values[1].abs(), -values[2].abs()
    assert_equal("selective_scan", values, None, TOLERANCE[torch.float32])


@slow
@every_scan
def test_bfloat16_activations(name: str) -> None:
    """Computed in float32 and rounded at the end (the interpreter cuts); state and parameters stay float32."""
    values = narrow(name, inputs(name, 70))
    mixed = [value.to(torch.float32 if i in (2, 5, 6) else torch.bfloat16) for i, value in enumerate(values)]
    assert_equal(name, mixed, None, 2**-7)


@every_scan
def test_a_reset_clears_even_what_is_not_finite(name: str) -> None:
    values, reset = [value.float().to(DEVICE) for value in narrow(name, inputs(name, 70))], resets(70)
    values[6][0] = torch.nan
    y, last = ours(name, values, reset.to(DEVICE))
    assert y.isfinite().all()
    assert last.isfinite().all()


@slow
@every_scan
def test_chunks_equal_one_shot(name: str) -> None:
    """The state handed on, cut at odd places, through single steps and an empty chunk."""
    values, reset = [value.float().to(DEVICE) for value in narrow(name, inputs(name, 133))], resets(133).to(DEVICE)
    y, last = ours(name, values, reset)
    u, delta, A, B, C, D, state = values
    parts: list[Tensor] = []
    for begin, end in ((0, 1), (1, 2), (2, 40), (40, 40), (40, 105), (105, 133)):
        cut = [part[:, begin:end] for part in (u, delta, B, C, reset)]
        part, state = ours(name, [cut[0], cut[1], A, cut[2], cut[3], D, state], cut[4])
        parts.append(part)
    assert relative(torch.cat(parts, 1).cpu(), y.double().cpu()) <= TOLERANCE[torch.float32]
    assert relative(state.cpu(), last.double().cpu()) <= TOLERANCE[torch.float32]


@slow
@every_scan
def test_the_same_bits_every_time(name: str) -> None:
    values = [value.float().to(DEVICE).requires_grad_() for value in narrow(name, inputs(name, 70))]
    first, second = ([*(y := ours(name, values)), *gradients(y, values)] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@every_scan
@pytest.mark.parametrize(("batch", "length"), [(0, 7), (2, 0)])
def test_nothing_to_do(name: str, batch: int, length: int) -> None:
    values = [value.float().to(DEVICE).requires_grad_() for value in inputs(name, length, batch)]
    y, last = ours(name, values)
    assert y.shape == values[0].shape
    assert torch.equal(last, values[6])
    found = torch.autograd.grad(y.sum() + last.sum(), values)
    assert torch.equal(found[6], torch.ones_like(values[6]))
    assert all(not gradient.any() for gradient in found[:6])


@slow
@every_scan
def test_operator_is_well_registered(name: str) -> None:
    values = [value.float().to(DEVICE).requires_grad_() for value in narrow(name, inputs(name, 9))]
    operator = getattr(torch.ops.ssmphony, f"triton_{name}").default
    torch.library.opcheck(operator, (*values, resets(9).to(DEVICE), True))
    torch.library.opcheck(operator, (*(value.detach() for value in values), None, False))


@slow
@every_scan
def test_second_gradients(name: str) -> None:
    """Through the reference form."""
    values = narrow(name, inputs(name, 20))
    second: list[Tensor] = []
    for scan, leaves in ((ours, values), (lambda _, given: getattr(naive, name)(*given), values)):
        dtype, device = (torch.float32, DEVICE) if scan is ours else (torch.float64, "cpu")
        given = [value.detach().to(device, dtype).requires_grad_() for value in leaves]
        y, last = scan(name, given)
        (first,) = torch.autograd.grad(y.square().sum() + last.sum(), given[0], create_graph=True)
        second.append(torch.autograd.grad(first.square().sum(), given[1])[0])
    assert relative(second[0].cpu(), second[1]) <= 1e-4


@pytest.mark.skipif(DEVICE == "cpu", reason="the sizes of a model are for a GPU")
@every_scan
def test_sizes_of_a_model(name: str) -> None:
    torch.manual_seed(0)
    if name == "ssd":
        shapes = [(2, 300, 8, 64), (2, 300, 8), (8,), (2, 300, 1, 128), (2, 300, 1, 128), (8,), (2, 8, 64, 128)]
    else:
        shapes = [(2, 300, 256), (2, 300, 256), (256, 16), (2, 300, 16), (2, 300, 16), (256,), (2, 256, 16)]
    values = [torch.randn(shape).double() for shape in shapes]
    values[1], values[2] = (values[1] - 3.0).exp().float().double(), -values[2].exp().float().double()
    assert_equal(name, values, resets(300), 5e-5)
