"""Weights of state-spaces/s4 by name. Their layers are written here from their formulas, in complex float64."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.ssm import StateSpaceMixer
from ssmphony.ssm.pretrained_s4 import load_s4, load_s4d
from ssmphony.types import SsmphonyError
from tests.contract.contract import assert_close, layer_stream, speak

H, N, LENGTH = 4, 8, 60
Weights = dict[str, Tensor]


def pairs(*shape: int) -> Tensor:
    return torch.randn(*shape, 2)


def output() -> Weights:
    return {"output_linear.0.weight": torch.randn(2 * H, H) * 0.3, "output_linear.0.bias": torch.randn(2 * H)}


def minimal() -> Weights:
    weights = {
        "D": torch.randn(H),
        "kernel.C": pairs(H, N),
        "kernel.log_dt": torch.rand(H) * 3 - 5,
        "kernel.log_A_real": torch.randn(H, N) * 0.3,
        "kernel.A_imag": torch.randn(H, N) * 5,
    }
    linear = output()
    linear["output_linear.0.weight"] = linear["output_linear.0.weight"].unsqueeze(-1)
    return weights | linear


def block(systems: int, rank: int = 0, own_steps: bool = False, length: int = 0) -> Weights:
    """An S4Block: mode diag, or dplr where ``rank`` is given, its kernel last run at ``length``."""
    weights = {
        "layer.D": torch.randn(1, H),
        "layer.kernel.C": pairs(1, H, N),
        "layer.kernel.inv_dt": torch.rand(H, N if own_steps else 1) * 3 - 5,
        "layer.kernel.B": pairs(1, systems, N),
        "layer.kernel.A_real": torch.randn(systems, N) * 0.3,
        "layer.kernel.A_imag": torch.rand(systems, N) * 5,
    }
    if rank:
        weights |= {"layer.kernel.P": pairs(rank, systems, N), "layer.kernel.l_kernel": torch.tensor(length)}
    return weights | output()


def complex_of(value: Tensor) -> Tensor:
    return torch.view_as_complex(value.double())


def minimal_kernel(w: Weights) -> Tensor:
    """K[l] = 2 Re sum_n C_n (exp(dt A_n) - 1) / A_n exp(dt A_n l)."""
    a = -w["kernel.log_A_real"].double().exp() + 1j * w["kernel.A_imag"].double()
    z = a * w["kernel.log_dt"].double().exp().unsqueeze(-1)
    c = complex_of(w["kernel.C"]) * (z.exp() - 1.0) / a
    return 2.0 * torch.einsum("hn,hnl->hl", c, (z.unsqueeze(-1) * torch.arange(LENGTH)).exp()).real


def block_parts(w: Weights, softplus: bool = False) -> tuple[Tensor, ...]:
    """A, B, C (channel, n) and dt; channel h takes system h modulo their number."""
    inverse = w["layer.kernel.inv_dt"].double()
    dt = F.softplus(inverse) if softplus else inverse.exp()
    a = -w["layer.kernel.A_real"].double().exp() - 1j * w["layer.kernel.A_imag"].double()
    system = torch.arange(H) % len(a)
    return a[system], complex_of(w["layer.kernel.B"])[0, system], complex_of(w["layer.kernel.C"])[0], dt


def diagonal_kernel(disc: str, softplus: bool = False) -> Callable[[Weights], Tensor]:
    def kernel(w: Weights) -> Tensor:
        a, b, c, dt = block_parts(w, softplus)
        z = dt * a
        pole = z.exp() if disc == "zoh" else (1 + z / 2) / (1 - z / 2)
        gain = b * ((pole - 1) / a if disc == "zoh" else dt / (1 - z / 2))
        return 2.0 * torch.einsum("hn,hnl->hl", c * gain, pole.unsqueeze(-1) ** torch.arange(LENGTH)).real

    return kernel


def dplr_kernel(w: Weights) -> Tensor:
    """The published algorithm: Cauchy sums at the roots of unity, Woodbury, inverse FFT, with C as it is stored.

    With no length of its own (``l_kernel`` 0) theirs turns C into C (I - Abar^L) first, by dense powers.
    """
    a, b, c, dt = block_parts(w)
    p = complex_of(w["layer.kernel.P"])[:, torch.arange(H) % w["layer.kernel.P"].shape[1]]
    length = int(w["layer.kernel.l_kernel"])
    a, b, c, p = (torch.cat([part, part.conj()], -1) for part in (a, b, c, p))
    dt = torch.cat([dt, dt], -1) if dt.shape[1] > 1 else dt.expand(-1, 2 * N)
    if not length:
        length = LENGTH + 1
        eye = torch.eye(2 * N, dtype=torch.complex128)
        dense = torch.diag_embed(dt * a) - torch.einsum("hn,rhn,rhm->hnm", dt + 0j, p, p.conj())
        abar = torch.linalg.solve(eye - dense / 2, eye + dense / 2)
        c = c - torch.einsum("hn,hnm->hm", c, torch.linalg.matrix_power(abar, length))
    omega = torch.exp(-2j * torch.pi * torch.arange(length, dtype=torch.float64) / length)
    z = 2 * (1 - omega) / (1 + omega)

    def cauchy(left: Tensor, right: Tensor) -> Tensor:
        return torch.einsum("ihn,jhn,hnl->hlij", left * dt, right, 1 / (z - (a * dt).unsqueeze(-1)))

    b, c, q = b.unsqueeze(0), c.unsqueeze(0), p.conj()
    inner = torch.linalg.inv(torch.eye(len(p)) + cauchy(p, q))
    spectrum = cauchy(b, c).transpose(-1, -2) - (
        cauchy(p, c).transpose(-1, -2) @ inner.transpose(-1, -2) @ cauchy(b, q).transpose(-1, -2)
    )
    return torch.fft.ifft(spectrum[..., 0, 0] * 2 / (1 + omega)).real[:, :LENGTH]


def forward(w: Weights, kernel: Tensor, x: Tensor) -> Tensor:
    """K * u + D u, GELU, linear, GLU; x (batch, time, channel)."""
    u = x.double().transpose(1, 2)
    product = torch.fft.rfft(u, n=2 * LENGTH) * torch.fft.rfft(kernel, n=2 * LENGTH)
    y = torch.fft.irfft(product, n=2 * LENGTH)[..., :LENGTH]
    skip = w["D"] if "D" in w else w["layer.D"]
    y = F.gelu(y + u * skip.double().reshape(-1, 1)).transpose(1, 2)
    linear = w["output_linear.0.weight"].double().reshape(2 * H, H)
    return F.glu(y @ linear.T + w["output_linear.0.bias"].double(), dim=-1)


Case = tuple[Callable[[], Weights], Callable[..., StateSpaceMixer], Callable[[Weights], Tensor]]
CASES: dict[str, Case] = {
    "minimal": (minimal, load_s4d, minimal_kernel),
    "diagonal": (lambda: block(H), load_s4d, diagonal_kernel("zoh")),
    "one system": (lambda: block(1), load_s4d, diagonal_kernel("zoh")),
    "bilinear": (lambda: block(2), partial(load_s4d, disc="bilinear"), diagonal_kernel("bilinear")),
    "step sizes of states": (lambda: block(2, own_steps=True), load_s4d, diagonal_kernel("zoh")),
    "softplus": (lambda: block(H), partial(load_s4d, dt_transform="softplus"), diagonal_kernel("zoh", True)),
    "dplr": (lambda: block(H, 1, length=0), load_s4, dplr_kernel),
    "dplr, truncated": (lambda: block(H, 1, length=LENGTH + 5), load_s4, dplr_kernel),
    "dplr, two systems": (lambda: block(2, 1, length=LENGTH + 1), load_s4, dplr_kernel),
    "dplr, one system, rank 2": (lambda: block(1, 2, length=LENGTH + 3), load_s4, dplr_kernel),
    "dplr, step sizes of states": (lambda: block(2, 2, own_steps=True, length=LENGTH + 1), load_s4, dplr_kernel),
}


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_same_outputs(case: str) -> None:
    """Weights with a prefix, one shot and in blocks. Their own lengths are odd: even ones make their sums 0 / 0."""
    make, load, kernel = CASES[case]
    torch.manual_seed(0)
    weights = make()
    layer = load({f"model.3.{name}": value for name, value in weights.items()}, prefix="model.3.").eval()
    x = torch.randn(2, LENGTH, H)
    expected = forward(weights, kernel(weights), x)
    for cuts in ([], [1, 2, 40]):
        assert_close(speak(layer_stream(layer, H), x, cuts=cuts).double(), expected)


def test_shared_systems_stay_shared() -> None:
    assert load_s4(block(1, 1)).kernel.imag.shape == (1, N)
    assert load_s4(block(2, 1)).kernel.imag.shape == (H, N)


def changed(weights: Weights, **change: Tensor | None) -> Weights:
    merged = weights | {name.replace("__", "."): value for name, value in change.items()}
    return {name: value for name, value in merged.items() if value is not None}


@pytest.mark.parametrize(
    ("load", "weights", "message"),
    [
        (load_s4d, lambda: changed(minimal(), D=None), "need 'D'"),
        (load_s4d, lambda: changed(minimal(), kernel__C=torch.zeros(H, N)), "'kernel.C' must hold pairs"),
        (
            load_s4d,
            lambda: changed(minimal(), input_gate__0__weight=torch.zeros(1)),
            "'input_gate.0.weight' is unknown",
        ),
        (
            load_s4d,
            lambda: changed(minimal(), output_linear__0__weight=torch.zeros(H, H)),
            "'linear.weight' would have",
        ),
        (load_s4d, lambda: changed(block(H), layer__kernel__C=pairs(2, H, N)), "2 kernels a channel"),
        (load_s4d, lambda: block(H, 1), "'kernel.P' is unknown"),
        (load_s4, lambda: block(H), "need 'kernel.P'"),
        (load_s4, lambda: changed(block(2, 1), layer__kernel__B=pairs(1, 3, N)), "do not fit"),
    ],
)
def test_what_has_no_equal_is_named(
    load: Callable[[Weights], StateSpaceMixer], weights: Callable[[], Weights], message: str
) -> None:
    with pytest.raises(SsmphonyError, match=message):
        load(weights())
