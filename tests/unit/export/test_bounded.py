"""S4D layers that take any number of steps up to a bound equal the layers that were trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ssmphony.export.bounded import BoundedMixer, bounded
from ssmphony.nn.convnext import StateSpaceNeXtBlock
from ssmphony.ssm import S4Config, S4DConfig
from ssmphony.ssm.s4d import S4DInit

MOST = 40


@pytest.mark.parametrize("init", ["lin", "legs"])
@pytest.mark.parametrize("pieces", [(40, 40, 40), (1, 40, 2, 3, 17, 40, 17), (40, 39, 1, 40)])
@torch.no_grad()
def test_pieces_equal_the_whole(pieces: tuple[int, ...], init: S4DInit) -> None:
    torch.manual_seed(0)
    layer = S4DConfig(d_model=6, d_state=8, init=init).build().eval()
    block, time = BoundedMixer(layer, MOST).eval(), sum(pieces)
    x, mask = torch.randn(2, time, 6), torch.ones(2, time, dtype=torch.bool)
    mask[1, -9:] = False
    x[1, -9:] = float("nan")
    expected, _ = layer(x, layer.initial_state(2), mask)
    state, parts = block.initial_state(2), []
    for part, present in zip(x.split(pieces, dim=1), mask.split(pieces, dim=1), strict=True):
        before = state.x.clone()
        y, new = block(part, state, present)
        assert torch.equal(state.x, before), "the input state must stay as it was"
        parts.append(y)
        state = new
    torch.testing.assert_close(torch.cat(parts, dim=1), expected, atol=2e-5, rtol=2e-5)


@torch.no_grad()
def test_rows_of_a_batch_equal_rows_alone() -> None:
    torch.manual_seed(0)
    block = BoundedMixer(S4DConfig(d_model=6, d_state=8).build(), MOST).eval()
    x, mask, state = torch.randn(3, 20, 6), torch.ones(3, 20, dtype=torch.bool), block.initial_state(3)
    together, _ = block(x, state._replace(x=torch.ones_like(state.x)), mask)
    alone, _ = block(x[1:2], state._replace(x=torch.ones_like(state.x[:1])), mask[:1])
    torch.testing.assert_close(together[1:2], alone, atol=1e-6, rtol=0)


def test_only_s4d_is_replaced_and_the_original_stays() -> None:
    module = nn.ModuleList([StateSpaceNeXtBlock(4, 8, 4), S4Config(d_model=4, d_state=4).build()])
    names = {name for name, _ in module.named_parameters()}
    copy = bounded(module, 5)
    assert sum(isinstance(part, BoundedMixer) for part in copy.modules()) == 1
    assert {name for name, _ in module.named_parameters()} == names
    with pytest.raises(TypeError, match="S4Kernel"):
        BoundedMixer(S4Config(d_model=4, d_state=4).build(), 5)
