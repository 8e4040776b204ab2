"""The compiled recurrence of S4 and S4D against a step loop in float64: outputs, gradients, and as a kernel."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import Tensor

from ssmphony.ssm.kernel import StateSpaceKernel
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4d import S4DKernel
from ssmphony.ssm.scan import cpu, linear

LENGTHS = (1, 63, 500, 1000)
#: Rank 0 is computed in float32, the others in float64 with float32 signals.
RANKS = (0, 1, 2)
TOLERANCE = {0: 5e-5, 1: 2e-6, 2: 2e-6}
KERNELS = {"s4": lambda: S4Kernel(11, 64), "s4d": lambda: S4DKernel(11, 64), "s4d-odd": lambda: S4DKernel(3, 6)}

every_rank = pytest.mark.parametrize("rank", RANKS)
every_kernel = pytest.mark.parametrize("name", KERNELS)
pytestmark = pytest.mark.usefixtures("compiled")


def inputs(rank: int, length: int, batch: int = 2, channels: int = 11, n: int = 6) -> list[Tensor]:
    """u, w, q, r, b, c, skip and state: decays from 1e-5 to 1 a step, rotations up to a half turn, contracting."""
    torch.manual_seed(length + rank)
    size = torch.exp(-(1e-5 ** torch.rand(channels, n // 2).double()))
    angle = torch.pi * torch.rand(channels, n // 2).double()
    w = torch.cat([size * angle.cos() - 1.0, size * angle.sin()], -1)
    # The low rank takes away from the identity what the rotations leave: 1 - x x^T with |x| < 1.
    q = torch.nn.functional.normalize(torch.randn(channels, rank, n).double(), dim=-1) * 0.05
    b, c = (torch.randn(channels, n).double() for _ in "bc")
    u, state = torch.randn(batch, length, channels), torch.randn(batch, channels, n)
    return [u.double(), w, -q, q * (1.0 - size.max()), b, c, torch.randn(channels).double(), state.double()]


def naive(
    u: Tensor, w: Tensor, q: Tensor, r: Tensor, b: Tensor, c: Tensor, skip: Tensor, state: Tensor
) -> list[Tensor]:
    """Word for word."""
    n = w.shape[-1] // 2
    w_re, w_im = w[:, :n], w[:, n:]
    outputs: list[Tensor] = []
    for value in u.unbind(1):
        re, im = state[..., :n], state[..., n:]
        rotated = torch.cat([w_re * re - w_im * im, w_re * im + w_im * re], -1)
        low_rank = torch.einsum("ckn,bck->bcn", q, torch.einsum("ckn,bcn->bck", r, state))
        state = state + rotated + low_rank + b * value.unsqueeze(-1)
        outputs.append((c * state).sum(-1) + skip * value)
    return [torch.stack(outputs, 1), state]


def operator(*values: Tensor) -> list[Tensor]:
    """The compiled form, signals in float32."""
    u, *system, state = values
    return list(linear.linear_scan(u.float(), linear.LinearSystem(*system), state.float()))


def relative(actual: Tensor, expected: Tensor) -> float:
    if not expected.numel():
        return 0.0
    difference = (actual.detach().double() - expected.detach()).abs().max()
    return float(difference / expected.detach().abs().max().clamp_min(1e-30))


def with_gradients(form: object, values: list[Tensor]) -> list[Tensor]:
    leaves = [value.clone().requires_grad_() for value in values]
    outputs = form(*leaves)  # type: ignore[operator]
    weights = [torch.arange(y.numel()).cos().reshape(y.shape).to(y.dtype) for y in outputs]
    found = torch.autograd.grad(outputs, leaves, weights, allow_unused=True)
    return [*outputs, *(torch.zeros(0) if gradient is None else gradient for gradient in found)]


@functools.cache
def twin(rank: int, length: int) -> list[Tensor]:
    return with_gradients(naive, inputs(rank, length))


@pytest.mark.parametrize(("rank", "length"), [(rank, length) for rank in (0, 2) for length in LENGTHS] + [(1, 63)])
def test_outputs_and_gradients_are_those_of_the_step_loop(rank: int, length: int) -> None:
    for form in (operator, linear.reference):
        actual = with_gradients(form, inputs(rank, length))
        for ours, theirs in zip(actual, twin(rank, length), strict=True):
            assert relative(ours, theirs) <= TOLERANCE[rank]


@every_rank
def test_uninitialised_memory_is_never_read(rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch fills what is allocated empty with NaN; one that were read would come out."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        assert torch.empty(4).isnan().all()
        results = with_gradients(operator, inputs(rank, 77))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(value.isfinite().all() for value in results)


@every_rank
def test_operator_is_well_registered(rank: int) -> None:
    u, *system, state = inputs(rank, 35)
    values = [value.requires_grad_() for value in (u.float(), *system, state.float())]
    torch.library.opcheck(torch.ops.ssmphony.linear_scan.default, (*values, None, True))
    torch.library.opcheck(torch.ops.ssmphony.linear_scan.default, (*(value.detach() for value in values), None, False))


@every_rank
def test_second_gradients(rank: int) -> None:
    """Through the reference form; also where one input is made of another."""
    values = inputs(rank, 20)

    def second(form: object) -> Tensor:
        u, w, *rest = (value.clone().requires_grad_() for value in values)
        y, last = form(u, w * torch.sigmoid(u.mean()), *rest)  # type: ignore[operator]
        (first,) = torch.autograd.grad(y.square().sum() + last.sum(), u, create_graph=True)
        return torch.autograd.grad(first.square().sum(), w)[0]

    assert relative(second(operator), second(naive)) <= 1e-4


@every_rank
def test_chunks_are_bit_equal_to_one_shot_in_float32(rank: int) -> None:
    """Where the state itself is float32 nothing is lost between chunks."""
    u, *system, state = inputs(rank, 133)
    y, last = operator(u, *system, state)
    parts: list[Tensor] = []
    for begin, end in ((0, 1), (1, 40), (40, 40), (40, 105), (105, 133)):
        part, state = operator(u[:, begin:end], *system, state)
        parts.append(part)
    assert relative(torch.cat(parts, 1), y.double()) <= (0.0 if rank == 0 else 1e-6)
    assert relative(state, last.double()) <= (0.0 if rank == 0 else 1e-6)


def test_rows_and_threads_agree() -> None:
    values = inputs(1, 70, batch=3)
    y, last = operator(*values)
    for row in range(3):
        alone = operator(values[0][row : row + 1], *values[1:7], values[7][row : row + 1])
        assert torch.equal(alone[0][0], y[row])
        assert torch.equal(alone[1][0], last[row])
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(5)
        assert torch.equal(operator(*values)[0], y)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(("batch", "length"), [(0, 7), (2, 0)])
def test_nothing_to_do(batch: int, length: int) -> None:
    values = inputs(1, length, batch)
    leaves = [value.requires_grad_() for value in values]
    y, last = operator(*leaves)
    assert y.shape == values[0].shape
    assert torch.equal(last, values[7].float())
    gradients = torch.autograd.grad(y.sum() + last.sum(), leaves)
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_shapes_that_do_not_fit() -> None:
    u, w, *rest = inputs(1, 5)
    with pytest.raises(ValueError, match="linear_scan: shapes"):
        operator(u, w[:, :4], *rest)


def kernel(name: str, low: float = 1e-3, high: float = 1e-1) -> StateSpaceKernel:
    torch.manual_seed(0)
    made = KERNELS[name]()
    with torch.no_grad():
        made.log_dt.copy_(torch.linspace(low, high, made.d_model).log())
    return made


@every_kernel
@pytest.mark.parametrize("length", LENGTHS)
def test_kernels_are_within_1e_6_of_float64(name: str, length: int) -> None:
    single = kernel(name)
    assert relative(single.kernel(length), copy.deepcopy(single).double().kernel(length)) <= 1e-6


@every_kernel
def test_extreme_steps(name: str) -> None:
    """From steps that change nothing to steps that forget everything, side by side."""
    single = kernel(name, 1e-6, 50.0)
    exact = copy.deepcopy(single).double()
    u, state = torch.randn(single.d_model, 2, 200), torch.randn(single.d_model, 2, single.d_state)
    assert relative(single.kernel(200), exact.kernel(200)) <= 1e-6
    for ours, theirs in zip(single(u, state), exact(u.double(), state.double()), strict=True):
        assert relative(ours, theirs) <= 1e-4


@pytest.mark.parametrize("threads", [1, 2])
def test_the_scan_and_nothing_else_has_no_denormals(threads: int) -> None:
    u, _, _, _, b, c, skip, state = inputs(0, 4000, batch=2, channels=64)
    u[:, 1:] = 0.0
    decay = torch.full_like(b, -0.1)
    decay[:, b.shape[1] // 2 :] = 0.0  # no rotation
    none = b.new_zeros(b.shape[0], 0, b.shape[1])
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        y, last = linear.linear_scan(u.float(), linear.LinearSystem(decay, none, none, b, c, skip), state.float())
    finally:
        torch.set_num_threads(before)
    smallest = torch.finfo(torch.float32).tiny
    assert y[:, 700].abs().max() > smallest  # 0.9 ** 700
    assert y[:, 2000:].abs().max() < 1e-35  # the difference from the identity is zero before the state is
    for part in (y, last):
        assert not ((part != 0.0) & (part.abs() < smallest)).any()
    assert float(torch.tensor([smallest]) / 4.0) > 0.0


@every_kernel
def test_without_a_compiler_the_results_are_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernel, outputs, state and the gradients of all parameters."""
    single = kernel(name)
    u, state = torch.randn(single.d_model, 2, 150), torch.randn(single.d_model, 2, single.d_state)

    def results() -> list[Tensor]:
        outputs = [*single(u, state), single.kernel(100)]
        return [*outputs, *torch.autograd.grad(sum(y.square().sum() for y in outputs), list(single.parameters()))]

    ours = results()
    monkeypatch.setattr(cpu, "_ready", False)
    for actual, expected in zip(ours, results(), strict=True):
        assert relative(actual, expected.double()) <= 1e-4
