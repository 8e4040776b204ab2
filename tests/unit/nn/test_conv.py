"""Convolutions that stream: equal to zero padding, whatever the pieces."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.nn.conv import CausalConv, CausalUpsample, LookaheadConv
from ssmphony.nn.convnext import ConvNeXtBlock
from ssmphony.types import SsmphonyError
from tests.contract.contract import assert_close, layer_stream, speak

SIZES = [(1, 0), (4, 0), (5, 2), (3, 2)]
CUTS = [(0, 1), (1, 3), (3, 9)]


def in_pieces(step: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], x: Tensor, context: Tensor) -> Tensor:
    parts: list[Tensor] = []
    for first, stop in CUTS:
        y, context = step(x[:, first:stop], context)
        parts.append(y)
    return torch.cat(parts, dim=1)


@pytest.mark.parametrize(("kernel_size", "lookahead"), SIZES)
def test_causal_convolution_is_zero_padded(kernel_size: int, lookahead: int) -> None:
    torch.manual_seed(0)
    layer = CausalConv(3, kernel_size, lookahead)
    x = torch.randn(2, 9, 3)
    padded = F.pad(x.transpose(1, 2), (kernel_size - 1 - lookahead, lookahead))
    expected = F.conv1d(padded, layer.conv.weight, layer.conv.bias, groups=3).transpose(1, 2)
    assert_close(speak(layer_stream(layer, 3), x, cuts=[1, 2, 6]), expected)


@pytest.mark.parametrize(("kernel_size", "lookahead"), SIZES)
def test_convolution_in_pieces(kernel_size: int, lookahead: int) -> None:
    torch.manual_seed(0)
    layer = LookaheadConv(2, 5, kernel_size, lookahead)
    x = torch.randn(2, 9, 2)
    padded = F.pad(x.transpose(1, 2), (kernel_size - 1, 0))
    expected = F.conv1d(padded, layer.weight, layer.bias).transpose(1, 2)
    assert_close(in_pieces(lambda x, context: layer(x, context)[::2], x, layer.initial_context(2)), expected)
    delayed = in_pieces(lambda x, context: layer(x, context)[1:], x, layer.initial_context(2))
    assert torch.equal(delayed, F.pad(x, (0, 0, lookahead, 0))[:, :9])


@pytest.mark.parametrize("lookahead", [-1, 3])
def test_lookahead_must_fit_the_kernel(lookahead: int) -> None:
    with pytest.raises(SsmphonyError, match="takes a lookahead of 0 to 2"):
        CausalConv(3, 3, lookahead)


@pytest.mark.parametrize("bias", [True, False])
def test_first_weights_can_be_those_of_torch(bias: bool) -> None:
    torch.manual_seed(0)
    expected = nn.Conv1d(4, 6, 3, groups=2, bias=bias).state_dict()
    torch.manual_seed(0)
    found = LookaheadConv(4, 6, 3, groups=2, bias=bias, std=None).state_dict()
    assert list(found) == list(expected)
    assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("lookahead", [0, 3])
def test_convnext_in_pieces(lookahead: int) -> None:
    torch.manual_seed(0)
    block = ConvNeXtBlock(4, 6, lookahead=lookahead)
    x = torch.randn(2, 9, 4)
    padded = F.pad(x.transpose(1, 2), (6, 0))
    y = F.conv1d(padded, block.dwconv.weight, block.dwconv.bias, groups=4).transpose(1, 2)
    expected = F.pad(x, (0, 0, lookahead, 0))[:, :9] + block.pwconv2(F.gelu(block.pwconv1(block.norm(y))))
    mask = torch.ones(2, 1, 1, dtype=torch.bool)
    assert_close(in_pieces(lambda x, context: block(x, context, mask), x, block.initial_context(2)), expected)


def test_upsampling_in_pieces() -> None:
    torch.manual_seed(0)
    layer = CausalUpsample(3)
    x, context = torch.randn(2, 9, 3), torch.zeros(2, 1, 3)
    assert_close(in_pieces(layer, x, context), layer(x, context)[0])
