"""Long convolutions against sums written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ssmphony.ssm import S4Config, convolution
from ssmphony.ssm.convolution import causal_lags, convolve, fft_convolve, smooth_length, toeplitz, two_sided_lags


def direct(u: Tensor, lags: Tensor) -> Tensor:
    """``y[l] = sum_j u[j] lags[(l - j) mod 2 L]``."""
    length = u.shape[-1]
    y = torch.zeros_like(u)
    for step in range(length):
        for source in range(length):
            y[..., step] += u[..., source] * lags[:, None, (step - source) % (2 * length)]
    return y


@pytest.mark.parametrize("length", [1, 2, 7, 16, 33])
def test_both_ways_equal_the_sum(length: int) -> None:
    torch.manual_seed(0)
    u = torch.randn(3, 2, length, dtype=torch.float64)
    lags = two_sided_lags(*torch.randn(2, 3, length, dtype=torch.float64))
    expected = direct(u, lags)
    torch.testing.assert_close(fft_convolve(u, lags), expected)
    torch.testing.assert_close(u @ toeplitz(lags, length), expected)
    forward = torch.randn(3, length, dtype=torch.float64)
    causal = np.array([np.convolve(u[0, row], forward[0])[:length] for row in range(2)])
    torch.testing.assert_close(fft_convolve(u, causal_lags(forward))[0], torch.from_numpy(causal))


def test_two_sided_lags_meet_at_zero() -> None:
    lags = two_sided_lags(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[10.0, 20.0, 30.0]]))
    assert lags.tolist() == [[11.0, 2.0, 3.0, 0.0, 30.0, 20.0]]


def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    u, lags = torch.randn(5, 2, 20), torch.randn(5, 40)
    whole = fft_convolve(u, lags)
    for elements in (1, 2 * 2 * 40, 3 * 2 * 40):
        monkeypatch.setattr(convolution, "TILE_ELEMENTS", elements)
        torch.testing.assert_close(fft_convolve(u, lags), whole)


def test_smooth_lengths() -> None:
    for length in range(1, 500):
        n = smooth_length(length)
        assert n >= length
        assert n % 2 == 0
        for prime in (2, 3, 5):
            while n % prime == 0:
                n //= prime
        assert n == 1
    assert smooth_length(4078) == 4096
    assert smooth_length(1200) == 1200


def test_autocast_does_not_reach_the_convolution() -> None:
    torch.manual_seed(0)
    u, lags = torch.randn(2, 3, 90), torch.randn(2, 180)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = convolve(u, lags)
    assert torch.equal(y, convolve(u, lags))


@pytest.mark.parametrize("length", [2, 30, 150])
def test_state_stays_float32_under_autocast(length: int) -> None:
    torch.manual_seed(0)
    layer = S4Config(d_model=4, d_state=8).build()
    x, mask = torch.randn(2, length, 4), torch.ones(2, length, dtype=torch.bool)
    _, expected = layer(x, layer.initial_state(2), mask)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, state = layer(x, layer.initial_state(2), mask)
    assert y.dtype == torch.bfloat16
    assert torch.equal(state.x, expected.x)
