"""Windowed attention with a cache against one written out, query by query, in float64."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ssmphony.nn import Attention, AttentionConfig
from tests.contract.contract import assert_close, layer_stream, map_state, present, speak


def layer(window: int) -> Attention:
    torch.manual_seed(0)
    return AttentionConfig(d_model=8, n_heads=2, window=window).build().eval()


def literal(attention: Attention, x: Tensor) -> Tensor:
    """One row x (time, channel)."""
    heads, window = attention.config.n_heads, attention.config.window
    q, k, v = (x.double() @ attention.qkv.weight.double().T).chunk(3, -1)
    size = q.shape[-1] // heads
    rows = []
    for t in range(len(x)):
        first = max(0, t - window + 1)
        parts = []
        for head in range(heads):
            cut = slice(head * size, (head + 1) * size)
            distance = torch.arange(t - first, -1, -1, dtype=torch.float64)
            score = k[first : t + 1, cut] @ q[t, cut] / math.sqrt(size) - 2.0 ** (-8.0 * (head + 1) / heads) * distance
            parts.append(torch.softmax(score, 0) @ v[first : t + 1, cut])
        rows.append(torch.cat(parts))
    return torch.stack(rows) @ attention.out.weight.double().T


@pytest.mark.parametrize("window", [1, 2, 17, 64])
def test_equals_the_formula(window: int) -> None:
    attention = layer(window)
    x = torch.randn(2, 40, 8)
    expected = torch.stack([literal(attention, row) for row in x])
    for cuts in ([], [1, 3, 30], list(range(1, 40))):
        y = speak(layer_stream(attention, 8), x, cuts=cuts)
        assert_close(y.double(), expected)
    mine = torch.autograd.grad(speak(layer_stream(attention, 8), x, cuts=[13]).square().sum(), attention.qkv.weight)[0]
    theirs = torch.autograd.grad(expected.square().sum(), attention.qkv.weight)[0]
    assert_close(mine, theirs)


@torch.no_grad()
def test_a_padded_row_can_be_continued() -> None:
    attention = layer(9)
    x = torch.randn(2, 30, 8)
    mask = torch.arange(20) < torch.tensor([[20], [3]])
    _, state = attention(x[:, :20].masked_fill(~mask.unsqueeze(-1), float("nan")), attention.initial_state(2), mask)
    y, _ = attention(x[:, 20:], state, present(x[:, 20:]))
    for row, length in enumerate((20, 3)):
        real = torch.cat([x[row : row + 1, :length], x[row : row + 1, 20:]], dim=1)
        assert_close(y[row : row + 1], speak(layer_stream(attention, 8), real)[:, length:])


def test_no_row_of_scores_is_empty() -> None:
    """Runtimes answer a softmax over nothing with NaN."""
    bias = layer(5)._bias(3, torch.zeros(2, 7, dtype=torch.bool))
    assert bool(torch.isfinite(bias.amax(-1)).all())


def test_masked_steps_leave_gradients_finite() -> None:
    attention = layer(5)
    x = torch.full((1, 12, 8), float("nan")).requires_grad_()
    y, _ = attention(x, attention.initial_state(1), torch.zeros(1, 12, dtype=torch.bool))
    y.sum().backward()
    assert attention.qkv.weight.grad is not None
    assert bool(torch.isfinite(attention.qkv.weight.grad).all())


def test_cache_is_float32_under_autocast() -> None:
    attention = layer(5)
    x, state = torch.randn(1, 12, 8), attention.initial_state(1)
    with torch.autocast("cpu", torch.bfloat16):
        y, new = attention(x, state, present(x))
    assert map_state(lambda part: part.dtype, new) == (torch.float32, torch.float32, torch.bool)
    assert_close(y.float(), attention(x, state, present(x))[0], 0.03)


def test_heads_must_fit() -> None:
    with pytest.raises(ValueError, match="n_heads 3 must divide d_model 8"):
        AttentionConfig(d_model=8, n_heads=3)
