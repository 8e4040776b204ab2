"""Finite scalar quantisation: codes and values are one to one, bounds hold, and gradients pass."""

from __future__ import annotations

import pytest
import torch

from ssmphony.nn.fsq import FiniteScalarQuantiser

LEVELS = ((8, 5, 5, 5), (3, 4), (2,), (7, 7))
every_levels = pytest.mark.parametrize("levels", LEVELS)


@every_levels
def test_codes_and_values_are_one_to_one(levels: tuple[int, ...]) -> None:
    """All codes of a codebook: different values within the bounds, which are quantised to themselves."""
    quantiser = FiniteScalarQuantiser(levels, 1)
    codes = torch.arange(quantiser.size)[:, None]
    values = quantiser.decode(codes)
    assert values.shape == (quantiser.size, len(levels))
    assert len({tuple(row) for row in values.tolist()}) == quantiser.size
    assert values.abs().max() <= 1.0
    rounded, digits = quantiser._rounded(values)
    assert torch.equal(rounded, values)
    assert torch.equal(quantiser._number(digits), codes[:, 0])


@pytest.mark.parametrize("residual", [False, True])
@every_levels
def test_decoding_gives_the_values_back(levels: tuple[int, ...], residual: bool) -> None:
    torch.manual_seed(0)
    quantiser = FiniteScalarQuantiser(levels, 3, residual)
    values, codes = quantiser(torch.randn(4, 50, quantiser.channels))
    assert codes.shape == (4, 50, 3)
    assert codes.dtype == torch.int64
    assert 0 <= int(codes.min()) <= int(codes.max()) < quantiser.size
    torch.testing.assert_close(quantiser.decode(codes), values, atol=1e-6, rtol=0)


@every_levels
def test_every_code_is_reached_and_nothing_is_beyond(levels: tuple[int, ...]) -> None:
    quantiser = FiniteScalarQuantiser(levels, 2)
    z = 20 * torch.randn(20_000, quantiser.channels, generator=torch.Generator().manual_seed(0))
    _, far = quantiser(z)
    assert int(far.max()) < quantiser.size
    _, near = quantiser(z / 20)
    assert len(near.unique()) == quantiser.size
    assert torch.isfinite(quantiser(torch.full((1, quantiser.channels), 1e9))[0]).all()


@pytest.mark.parametrize("residual", [False, True])
def test_gradients_pass_through_the_rounding(residual: bool) -> None:
    quantiser = FiniteScalarQuantiser((8, 5), 2, residual)
    z = torch.tensor([[0.3, -0.2, 0.1, 0.9]])[:, : quantiser.channels].requires_grad_()
    values, _ = quantiser(z)
    (gradient,) = torch.autograd.grad(values.sum(), z)
    assert (gradient > 0.05).all()


def test_residual_codes_refine() -> None:
    """Each further code brings the values nearer to what was rounded; side by side they have channels of their own."""
    z = torch.randn(2_000, 2, generator=torch.Generator().manual_seed(0))
    exact = FiniteScalarQuantiser((5, 5), 1, residual=True)._bounded(z)
    errors = [
        (FiniteScalarQuantiser((5, 5), codes, residual=True)(z)[0] - exact).abs().mean().item() for codes in (1, 2, 3)
    ]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert FiniteScalarQuantiser((5, 5), 3).channels == 6
    assert FiniteScalarQuantiser((5, 5), 3, residual=True).channels == 2


def test_levels_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one code and two levels"):
        FiniteScalarQuantiser((8, 1), 2)
    with pytest.raises(ValueError, match="at least one code"):
        FiniteScalarQuantiser((8, 5), 0)
