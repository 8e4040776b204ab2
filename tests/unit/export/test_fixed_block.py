"""The decoder's layers as they are exported equal the layers that were trained."""

from __future__ import annotations

import pytest
import torch

from ssmphony.export.fixed_block import DiagonalProduct, FixedBlockMixer, fixed_blocks
from ssmphony.nn import StackConfig
from ssmphony.ssm import S4Config, S4DConfig


@pytest.mark.parametrize("steps", [1, 3, 32])
@pytest.mark.parametrize("init", ["lin", "legs"])
def test_blocks_equal_the_whole(steps: int, init: str) -> None:
    torch.manual_seed(0)
    layer = S4DConfig(d_model=6, d_state=8, init=init).build().eval()
    block = FixedBlockMixer(layer, steps).eval()
    x, mask = torch.randn(2, 4 * steps, 6), torch.ones(2, 4 * steps, dtype=torch.bool)
    mask[1, -steps:] = False
    x[1, -steps:] = float("nan")
    with torch.no_grad():
        expected, _ = layer(x, layer.initial_state(2), mask)
        state, parts = block.initial_state(2), []
        for first in range(0, 4 * steps, steps):
            before = state.x.clone()
            part, new = block(x[:, first : first + steps], state, mask[:, first : first + steps])
            assert torch.equal(state.x, before), "the input state must stay as it was"
            parts.append(part)
            state = new
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=2e-6, rtol=2e-6)


def test_diagonal_product_is_the_complex_product() -> None:
    torch.manual_seed(0)
    state, factors = torch.randn(2, 3, 4, dtype=torch.complex64), torch.randn(3, 4, dtype=torch.complex64)
    pairs = torch.cat([state.real, state.imag], dim=-1)
    product = state * factors
    torch.testing.assert_close(DiagonalProduct(factors)(pairs), torch.cat([product.real, product.imag], dim=-1))
    conjugate = torch.cat([product.real, -product.imag], dim=-1)
    torch.testing.assert_close(DiagonalProduct(factors, conjugate=True)(pairs), conjugate)


def test_only_s4d_layers_are_replaced_and_the_original_stays() -> None:
    mixers = (S4DConfig(d_model=4, d_state=4), S4Config(d_model=4, d_state=4))
    stack = StackConfig(d_model=4, n_layers=2, mixers=mixers, lookahead=1).build()
    names = {name for name, _ in stack.named_parameters()}
    copy = fixed_blocks(stack, 5)
    assert sum(isinstance(module, FixedBlockMixer) for module in copy.modules()) == 1
    assert {name for name, _ in stack.named_parameters()} == names
    with pytest.raises(TypeError, match="S4Kernel"):
        FixedBlockMixer(mixers[1].build(), 5)
