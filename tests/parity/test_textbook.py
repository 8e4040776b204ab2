"""S4 and S4D of `ssmphony.ssm` against the textbook: outputs, carried states, gradients, both precisions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from ssmphony.ssm.hippo import HIPPO
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4d import S4DKernel

jax = pytest.importorskip("jax", reason="JAX is not installed: pip install '.[reference]'")

# after the line above, so that without JAX this file is skipped and not an error
from reference.annotated_s4 import carry, hippo, kernel  # noqa: E402
from reference.annotated_s4.exact import same  # noqa: E402
from reference.annotated_s4.network import complex_of, whole  # noqa: E402
from reference.annotated_s4.ssm import convolve, run_rnn  # noqa: E402

CHANNELS, BATCH = 3, 2
KERNELS = {
    "s4": lambda n: S4Kernel(CHANNELS, n),
    "s4d-lin": lambda n: S4DKernel(CHANNELS, n),
    "s4d-legs": lambda n: S4DKernel(CHANNELS, n, "legs"),
}
#: Other initialisations, compared over short lengths.
OTHERS = {
    "s4-fout": lambda n: S4Kernel(CHANNELS, n, init="fout"),
    "s4-random": lambda n: S4Kernel(CHANNELS, n, init="random"),
    "s4d-inv": lambda n: S4DKernel(CHANNELS, n, "inv"),
    "s4d-real": lambda n: S4DKernel(CHANNELS, n, "real"),
    "s4d-random": lambda n: S4DKernel(CHANNELS, n, "random"),
}
EXACT = {torch.float64: 1e-9, torch.float32: 1e-5}

Values = dict[str, Any]


def values_of(layer: torch.nn.Module) -> Values:
    """The layer's parameters as float64 arrays, under their own names, one row a channel."""
    return {name: jax.numpy.asarray(value.detach().double().numpy()) for name, value in layer.named_parameters()}


def textbook_kernel(values: Values, length: int) -> Any:
    """K (channel, length), the skip in its first entry, by Cauchy sums (S4) or the Vandermonde product (S4D)."""

    def s4(row: Values) -> Any:
        system, dt = system_of(row), jax.numpy.exp(row["log_dt"])
        C = kernel.truncate(carry.discrete_dplr(system, dt)[0], whole(complex_of(row["c"])), length)
        return kernel.kernel_dplr(system, C, dt, length).real.at[0].add(row["skip"])

    def s4d(row: Values) -> Any:
        K = kernel.kernel_s4d(eigenvalues(row), complex_of(row["c"]), jax.numpy.exp(row["log_dt"]), length)
        return K.at[0].add(row["skip"])

    return jax.vmap(s4 if "p" in values else s4d)(values)


def eigenvalues(row: Values) -> Any:
    return -jax.numpy.exp(row["log_neg_real"]) + 1j * row["imag"]


def system_of(row: Values) -> kernel.DPLR:
    return kernel.DPLR(whole(eigenvalues(row)), whole(complex_of(row["p"])), whole(complex_of(row["b"])))


def textbook_run(values: Values, u: Any, state: Any) -> tuple[Any, Any]:
    """The recurrence: u (channel, batch, time), state (channel, batch, N) in real coordinates → outputs, last state."""

    def channel(row: Values, u: Any, x: Any) -> tuple[Any, Any]:
        re, im = jax.numpy.split(x, 2)
        x, C, dt = whole(re + 1j * im), whole(complex_of(row["c"])), jax.numpy.exp(row["log_dt"])
        if "p" in row:
            y, last = carry.run_dplr(system_of(row), C, dt, u, x)
        else:
            Lambda = whole(eigenvalues(row))
            Ab, Bb = jax.numpy.diag(jax.numpy.exp(dt * Lambda)), jax.numpy.expm1(dt * Lambda) / Lambda
            y, last = run_rnn(Ab, Bb, C, u, x)
        last = last[: len(re)]
        return y.real + row["skip"] * u, jax.numpy.concatenate([last.real, last.imag])

    return jax.vmap(jax.vmap(channel, in_axes=(None, 0, 0)))(values, u, state)


textbook_run = jax.jit(textbook_run)
textbook_kernel = jax.jit(textbook_kernel, static_argnums=1)


def layer_and_input(kind: str, n: int, length: int, dtype: torch.dtype) -> tuple[Any, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    layer = (KERNELS | OTHERS)[kind](n).to(dtype)
    if dtype is torch.float64:  # not the float32 roundings of the initialisation alone
        for parameter in layer.parameters():
            parameter.data += 0.01 * torch.randn_like(parameter)
    u = torch.randn(CHANNELS, BATCH, length, dtype=dtype)
    return layer, u, torch.randn(CHANNELS, BATCH, n, dtype=dtype)


@pytest.mark.parametrize("dtype", EXACT, ids=str)
@pytest.mark.parametrize("kind", KERNELS)
@pytest.mark.parametrize(("n", "length"), [(64, 1024), pytest.param(64, 16384, marks=pytest.mark.slow)])
def test_one_shot_and_state(kind: str, n: int, length: int, dtype: torch.dtype) -> None:
    """The kernel, and two sequences: from zero, and on from the state that the first one left."""
    layer, u, _ = layer_and_input(kind, n, length, dtype)
    values, state = values_of(layer), torch.zeros(CHANNELS, BATCH, n, dtype=dtype)
    with torch.no_grad():
        same(layer.kernel(length), textbook_kernel(values, length), EXACT[dtype])
        for piece in (u, u.flip(-1)):
            y, last = layer(piece, state)
            expected, end = textbook_run(values, piece.double().numpy(), state.double().numpy())
            same(y, expected, EXACT[dtype])
            same(last, end, EXACT[dtype])
            state = last


@pytest.mark.parametrize("kind", KERNELS | OTHERS)
def test_steps_and_pieces(kind: str) -> None:
    """Single steps and blocks of any size unroll the same state as the textbook."""
    layer, u, state = layer_and_input(kind, 64, 200, torch.float64)
    expected, end = textbook_run(values_of(layer), u.numpy(), state.numpy())
    pieces = []
    with torch.no_grad():
        for piece in u.split([1, 2, 63, 1, 133], dim=-1):
            y, state = layer(piece, state)
            pieces.append(y)
    same(torch.cat(pieces, -1), expected)
    same(state, end)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KERNELS)
def test_convolution_is_the_recurrence(kind: str) -> None:
    """The textbook's own two forms agree on the layer's parameters, so either may stand for it."""
    layer, u, state = layer_and_input(kind, 16, 64, torch.float64)
    values = values_of(layer)
    expected, _ = textbook_run(values, u.numpy(), 0 * state.numpy())
    rows = jax.vmap(jax.vmap(convolve, in_axes=(0, None)))(u.numpy(), textbook_kernel(values, 64))
    same(rows, expected)


@pytest.mark.parametrize("kind", ["s4", "s4d-lin"])
@pytest.mark.parametrize("way", ["kernel", "run"])
def test_gradients(kind: str, way: str) -> None:
    """Of every parameter, and for a run of the input and the first state: autograd against `jax.grad`."""
    length = 65
    layer, u, state = layer_and_input(kind, 16, length, torch.float64)
    weight = np.random.default_rng(0).standard_normal((CHANNELS, BATCH, length))
    u.requires_grad_()
    state.requires_grad_()

    def textbook(values: Values, u: Any, state: Any) -> Any:
        if way == "kernel":
            return jax.numpy.sum(textbook_kernel(values, length) * weight[:, 0])
        y, last = textbook_run(values, u, state)
        return jax.numpy.sum(y * weight) + jax.numpy.sum(last**2)

    if way == "kernel":
        loss = (layer.kernel(length) * torch.from_numpy(weight[:, 0])).sum()
    else:
        y, last = layer(u, state)
        loss = (y * torch.from_numpy(weight)).sum() + (last**2).sum()
    loss.backward()
    arrays = (values_of(layer), u.detach().numpy(), state.detach().numpy())
    by_name, of_u, of_state = jax.jit(jax.grad(textbook, argnums=(0, 1, 2)))(*arrays)
    for name, parameter in layer.named_parameters():
        assert float(jax.numpy.max(jax.numpy.abs(by_name[name]))) > 0, name
        same(parameter.grad, by_name[name])
    if way == "run":
        same(u.grad, of_u)
        same(state.grad, of_state)


def test_hippo_matrices() -> None:
    """The same A and B of all three memories, where the textbook has proved them from the coefficients."""
    for measure, make in HIPPO.items():
        for ours, theirs in zip(make(33), getattr(hippo, measure)(33), strict=True):
            same(ours, theirs)
