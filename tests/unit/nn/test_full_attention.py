"""Attention over whole sequences and to a text; every mixer from both sides."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from ssmphony.nn import MIXERS, BidirectionalConfig, CrossAttention, FullAttention, sinusoids

SETTINGS = {
    "mamba2": {"head_dim": 4, "d_state": 4},
    "mamba3": {"head_dim": 4, "d_state": 4},
    "attention": {"n_heads": 2},
}


@pytest.mark.parametrize("kind", [kind for kind in MIXERS if kind != "causal_conv"])
@torch.no_grad()
def test_both_sides_are_read_and_padding_is_not(kind: str) -> None:
    torch.manual_seed(0)
    mixer = MIXERS[kind](d_model=8, **SETTINGS.get(kind, {}))
    layer = BidirectionalConfig.model_validate({"mixer": mixer}).build().eval()
    x = torch.randn(2, 11, 8)
    mask = torch.arange(11) < torch.tensor([[11], [6]])
    y = layer(x, mask)
    alone = layer(x[1:, :6], mask[1:, :6])
    torch.testing.assert_close(y[1:, :6], alone, atol=1e-5, rtol=1e-5)
    x[1, 6:] = torch.nan
    torch.testing.assert_close(layer(x, mask)[1:, :6], alone, atol=1e-5, rtol=1e-5)
    x[0, 5] += 1.0
    changed = (layer(x, mask)[0] - y[0]).abs().amax(-1) > 1e-6
    assert bool(changed[:5].any())
    assert bool(changed[6:].any())


@torch.no_grad()
def test_full_attention_is_its_formula() -> None:
    torch.manual_seed(0)
    layer = FullAttention(8, 2)
    x = torch.randn(1, 5, 8)
    q, k, v = (part.unflatten(-1, (2, 4)) for part in layer.qkv(x).chunk(3, dim=-1))
    distance = (torch.arange(5)[:, None] - torch.arange(5)).abs()
    heads = []
    for head in range(2):
        scores = q[0, :, head] @ k[0, :, head].T / 2.0 - layer.slopes[head] * distance
        heads.append(scores.softmax(-1) @ v[0, :, head])
    expected = layer.out(torch.cat(heads, dim=-1))[None]
    torch.testing.assert_close(layer(x, torch.ones(1, 5, dtype=torch.bool)), expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_cross_attention_equals_torch_and_sums_to_one() -> None:
    torch.manual_seed(0)
    layer = CrossAttention(8, 2)
    x, text = torch.randn(2, 3, 8), torch.randn(2, 6, 8)
    seen = (torch.arange(6) < torch.tensor([[6], [2]]))[:, None]
    y, weights = layer(x, *layer.read(text), seen)
    keys, values = layer.read(text)
    query = layer.query(x).unflatten(-1, (2, 4)).transpose(1, 2)
    plain = F.scaled_dot_product_attention(query, keys, values, attn_mask=seen[:, None])
    torch.testing.assert_close(y, layer.out(plain.transpose(1, 2).flatten(-2)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))
    assert not weights[1, :, 2:].any()
    nothing, _ = layer(x, *layer.read(text), torch.zeros_like(seen))
    assert bool(nothing.isfinite().all())


def test_sinusoids_tell_positions_apart() -> None:
    places = sinusoids(torch.arange(500), 32)
    assert places.shape == (500, 32)
    assert float(torch.cdist(places, places).fill_diagonal_(9.0).min()) > 0.1
