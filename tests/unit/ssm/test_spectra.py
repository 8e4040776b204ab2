"""A kept spectrum is never a stale one, and nobody can tell that it was kept."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ssmphony.nn import BidirectionalConfig
from ssmphony.ssm import S4DConfig, TwoSidedStateSpace, spectra


def layer(seed: int = 0) -> TwoSidedStateSpace:
    torch.manual_seed(seed)
    return BidirectionalConfig(mixer=S4DConfig(d_model=4, d_state=8)).build().eval().requires_grad_(False)


def signal(length: int = 30, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    torch.manual_seed(length)
    return torch.randn(2, length, 4, dtype=dtype), torch.ones(2, length, dtype=torch.bool)


def kept(module: TwoSidedStateSpace) -> spectra.Kept:
    return module._spectra._kept


def anew(module: TwoSidedStateSpace, x: Tensor, mask: Tensor) -> Tensor:
    """What a layer without memory answers."""
    return copy.deepcopy(module)(x, mask)


def move(module: TwoSidedStateSpace) -> None:
    with torch.no_grad():
        module.forward_kernel.c += 1.0


def reach_around(module: TwoSidedStateSpace) -> None:
    """Neither the address nor the version counter changes."""
    module.backward_kernel.log_dt.data.mul_(0.5)


def through_numpy(module: TwoSidedStateSpace) -> None:
    module.forward_kernel.imag.numpy()[...] *= 2.0


CHANGES: dict[str, Callable[[TwoSidedStateSpace], object]] = {
    "in place": move,
    "past the version counter": reach_around,
    "through shared memory": through_numpy,
    "a state dict": lambda module: module.load_state_dict(layer(1).state_dict()),
    "a new parameter": lambda module: setattr(
        module.forward_kernel, "skip", torch.nn.Parameter(torch.ones(4), requires_grad=False)
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_stale_spectrum(change: str) -> None:
    module, (x, mask) = layer(), signal()
    before = module(x, mask)
    CHANGES[change](module)
    after = module(x, mask)
    assert not torch.allclose(after, before)
    assert torch.equal(after, anew(module, x, mask))


def test_no_stale_dtype() -> None:
    module = layer()
    module(*signal())
    exact = module.double()(*signal(dtype=torch.float64))
    assert exact.dtype == torch.float64
    torch.testing.assert_close(exact, anew(module, *signal(dtype=torch.float64)), rtol=0.0, atol=0.0)
    assert {spectrum.dtype for spectrum in kept(module).spectra.values()} == {torch.complex128}


def test_the_kernel_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    module, calls = layer(), []
    lags = module.lags
    monkeypatch.setattr(module, "lags", lambda length: calls.append(length) or lags(length))
    answers = [module(*signal(length)) for length in (30, 20, 30, 20)]
    assert calls == [30, 20]
    assert torch.equal(answers[0], answers[2])
    assert torch.equal(answers[1], anew(layer(), *signal(20)))
    for length in range(1, 3 * spectra.LENGTHS):
        module(*signal(length))
    assert len(kept(module).spectra) == spectra.LENGTHS


def test_nothing_is_kept_while_training() -> None:
    module = layer().requires_grad_()
    y = module(*signal())
    assert not kept(module).spectra
    with torch.no_grad():
        frozen = module(*signal())
    assert kept(module).spectra
    torch.testing.assert_close(frozen, y.detach())
    module(*signal()).sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


def test_signals_may_want_gradients() -> None:
    """Also after the spectrum was made in inference mode."""
    module, (x, mask) = layer(), signal()
    with torch.inference_mode():
        module(x, mask)
    x.requires_grad_()
    (gradient,) = torch.autograd.grad(module(x, mask).square().sum(), x)
    (expected,) = torch.autograd.grad(copy.deepcopy(module).requires_grad_()(x, mask).square().sum(), x)
    torch.testing.assert_close(gradient, expected)


def test_copies_and_pickles_start_empty() -> None:
    module = layer()
    module(*signal())
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert not kept(other).spectra
        assert torch.equal(other(*signal()), module(*signal()))
    assert not any("spectr" in name for name in module.state_dict())


def test_exported_graphs_hold_parameters_not_spectra() -> None:
    module = layer()
    module(*signal())
    exported = torch.export.export(module, signal())
    assert set(exported.state_dict) == set(module.state_dict())
    move(module)
    again = torch.export.export(module, signal()).module()
    torch.testing.assert_close(again(*signal()), module(*signal()))
