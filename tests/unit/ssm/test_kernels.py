"""S4 and S4D against dense float64 matrices stepped one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from reference.discretize import bilinear
from ssmphony.ssm.hippo import HIPPO, Measure, nplr
from ssmphony.ssm.kernel import StateSpaceKernel
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4d import S4DKernel
from tests.unit.ssm import oracle

LENGTHS = (1, 2, 3, 31, 63, 64, 65, 128, 150, 257)
TOLERANCE = {torch.float32: 1e-6, torch.float64: 1e-12}
SCAN_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-11}

KERNELS = {
    "s4": lambda: S4Kernel(3, 64),
    "s4-shared": lambda: S4Kernel(4, 16, n_ssm=2),
    "s4-legt": lambda: S4Kernel(4, 32, n_ssm=2, init="legt"),
    "s4-fout": lambda: S4Kernel(2, 32, init="fout"),
    "s4-random": lambda: S4Kernel(2, 32, init="random"),
    "s4d-lin": lambda: S4DKernel(3, 64),
    "s4d-legs": lambda: S4DKernel(3, 64, "legs"),
    "s4d-inv": lambda: S4DKernel(2, 32, "inv"),
    "s4d-real": lambda: S4DKernel(2, 16, "real"),
    "s4d-random": lambda: S4DKernel(2, 32, "random"),
}
every_kernel = pytest.mark.parametrize("name", KERNELS)
both_precisions = pytest.mark.parametrize("dtype", [torch.float32, torch.float64])


def make(name: str, dtype: torch.dtype) -> StateSpaceKernel:
    """As after some training: every parameter moved off its initial value."""
    torch.manual_seed(0)
    kernel = KERNELS[name]().to(dtype)
    with torch.no_grad():
        for parameter in kernel.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return kernel


def relative(actual: Tensor, expected: Tensor) -> float:
    return float((actual.detach().double() - expected).abs().max() / expected.abs().max())


@every_kernel
@both_precisions
def test_kernel_is_the_impulse_response(name: str, dtype: torch.dtype) -> None:
    """CNN = RNN at N = 64, also at L = 64, where source 1 was 42 % off. Even lengths hold Omega = -1."""
    kernel = make(name, dtype)
    tolerance = TOLERANCE[dtype] * (3 if name in ("s4-fout", "s4-random") else 1)  # rounding decays as the kernel does
    for length in LENGTHS:
        expected = oracle.impulse_response(kernel, length)  # type: ignore[arg-type]
        assert relative(kernel.kernel(length), expected) <= tolerance, length
        if length > 1:
            assert relative(kernel.block(length).kernel, expected) <= tolerance, length


@every_kernel
@both_precisions
def test_run_from_a_carried_state(name: str, dtype: torch.dtype) -> None:
    """Single steps, one block and many blocks are the scan, outputs and last state, from any state.

    A white state excites the fastest modes, hundreds of radians a step, whose angle float32 cannot hold better.
    """
    kernel = make(name, dtype)
    for length in LENGTHS:
        u = torch.randn(kernel.d_model, 2, length, dtype=dtype)
        state = torch.randn(kernel.d_model, 2, kernel.d_state, dtype=dtype)
        y, last = kernel(u, state)
        expected_y, expected_last = oracle.run(kernel, u, state)  # type: ignore[arg-type]
        assert relative(y, expected_y) <= SCAN_TOLERANCE[dtype], length
        assert relative(last, expected_last) <= SCAN_TOLERANCE[dtype], length


@pytest.mark.parametrize("init", HIPPO)
@pytest.mark.parametrize("length", [64, 1000])
def test_s4_is_hippo(init: Measure, length: int) -> None:
    """The initial layer is the real HiPPO system itself, with no diagonalisation on the other side."""
    n, dt = 64, 0.01
    kernel = S4Kernel(1, n, init=init).double()
    c = np.random.default_rng(0).standard_normal(n)
    rotated = (c @ nplr(init, n).v)[n // 2 :]
    with torch.no_grad():
        kernel.log_dt.fill_(float(np.log(dt)))
        kernel.c.copy_(torch.from_numpy(np.stack([rotated.real, rotated.imag], -1)))
        kernel.skip.zero_()
    a_bar, b_bar = bilinear(*HIPPO[init](n), dt)
    x, expected = b_bar, []
    for _ in range(length):
        expected.append(c @ x)
        x = a_bar @ x
    # The initial parameters are written in float32, and the decay of a window is SMALLEST_DECAY and not zero.
    tolerance = 1e-5 if init == "legs" else 2e-4
    assert relative(kernel.kernel(length)[0], torch.tensor(np.array(expected))) <= tolerance


def test_s4_keeps_its_precision_over_long_sequences() -> None:
    torch.manual_seed(1)
    kernel = S4Kernel(2, 64)
    single = kernel.kernel(16_384).detach()
    assert relative(single, kernel.double().kernel(16_384).detach()) <= 1e-6


@every_kernel
def test_shorter_kernels_are_prefixes(name: str) -> None:
    """Nothing depends on the length: no truncation factor, no learnt maximum."""
    kernel = make(name, torch.float64)
    whole = kernel.kernel(300)
    for length in (1, 2, 64, 199, 256):
        torch.testing.assert_close(kernel.kernel(length), whole[:, :length], rtol=1e-10, atol=1e-12)


@every_kernel
def test_leap_is_steps_without_input(name: str) -> None:
    kernel = make(name, torch.float64)
    state = torch.randn(kernel.d_model, 2, kernel.d_state, dtype=torch.float64)
    stepped = state
    for count in range(1, 20):
        _, stepped = kernel.step(torch.zeros(kernel.d_model, 2, dtype=torch.float64), stepped)
        torch.testing.assert_close(kernel.leap(state, count), stepped)


def test_s4_is_stable_whatever_the_parameters() -> None:
    """Tied low rank and Re(lam) = -exp(.): the state never grows."""
    torch.manual_seed(2)
    kernel = S4Kernel(8, 16).double()
    with torch.no_grad():
        for parameter in kernel.parameters():
            parameter.copy_(3.0 * torch.randn_like(parameter))
    power = kernel.block(1).power.detach()
    assert float(torch.linalg.matrix_norm(power, ord=2).max()) <= 1.0 + 1e-12


def test_s4d_input_gain_survives_tiny_steps() -> None:
    """(exp(dt a) - 1) / a cancels in float32 unless written with expm1."""
    kernel = S4DKernel(2, 8)
    with torch.no_grad():
        kernel.log_dt.fill_(float(np.log(1e-6)))
        kernel.skip.zero_()
    assert relative(kernel.kernel(3), oracle.impulse_response(kernel, 3)) <= 1e-6


@every_kernel
def test_gradients_agree_between_the_ways_to_run(name: str) -> None:
    """Blocks, one block and single steps have the gradients of one another, through the state as well."""
    kernel = make(name, torch.float64)
    u = torch.randn(kernel.d_model, 2, 100, dtype=torch.float64)
    state = torch.randn(kernel.d_model, 2, kernel.d_state, dtype=torch.float64)

    def gradients(cuts: list[int]) -> list[Tensor]:
        inputs = (u.clone().requires_grad_(), state.clone().requires_grad_())
        pieces, x = [], inputs[1]
        for first, stop in zip([0, *cuts], [*cuts, 100], strict=True):
            y, x = kernel(inputs[0][..., first:stop], x)
            pieces.append(y)
        loss = torch.cat(pieces, -1).square().sum() + x.square().sum()
        return list(torch.autograd.grad(loss, [*inputs, *kernel.parameters()]))

    whole = gradients([])
    for cuts in ([50], [1, 2, 40], list(range(1, 100))):
        for actual, expected in zip(gradients(cuts), whole, strict=True):
            torch.testing.assert_close(actual, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("length", [1, 2, 6])
@pytest.mark.parametrize(
    "build", [lambda: S4Kernel(2, 4), lambda: S4Kernel(2, 4, init="legt"), lambda: S4DKernel(2, 4)]
)
def test_gradcheck(build: object, length: int) -> None:
    torch.manual_seed(0)
    kernel = build().double()  # type: ignore[operator]
    u = torch.randn(kernel.d_model, 1, length, dtype=torch.float64, requires_grad=True)
    state = torch.randn(kernel.d_model, 1, 4, dtype=torch.float64, requires_grad=True)
    names = [name for name, _ in kernel.named_parameters()]

    def function(u: Tensor, state: Tensor, *values: Tensor) -> tuple[Tensor, Tensor]:
        return torch.func.functional_call(
            _Run(kernel), {f"kernel.{name}": value for name, value in zip(names, values, strict=True)}, (u, state)
        )

    assert torch.autograd.gradcheck(function, (u, state, *kernel.parameters()))
    assert torch.autograd.gradgradcheck(function, (u, state, *kernel.parameters()))


class _Run(torch.nn.Module):
    def __init__(self, kernel: StateSpaceKernel) -> None:
        super().__init__()
        self.kernel = kernel

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        return self.kernel(u, state)


def test_shared_systems_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match="n_ssm must divide"):
        S4Kernel(4, 8, n_ssm=3)
