"""A flow is invertible, also where rows of a batch are padded, and padding changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ssmphony.nn import EncoderConfig
from ssmphony.nn.flow import Flow

MIXERS: dict[str, dict[str, Any]] = {
    "mamba": {"kind": "mamba", "d_state": 4},
    "mamba2": {"kind": "mamba2", "d_state": 4, "head_dim": 8},
    "s4": {"kind": "s4", "d_state": 4},
    "attention": {"kind": "attention", "n_heads": 2},
}
LENGTHS = torch.tensor([40, 17, 1])


@pytest.fixture(params=MIXERS)
def flow(request: pytest.FixtureRequest) -> Flow:
    """One whose shifts are as large as what is shifted."""
    torch.manual_seed(0)
    mixer = {"d_model": 16, **MIXERS[request.param]}
    made = Flow(6, 5, 4, EncoderConfig.model_validate({"d_model": 16, "n_layers": 2, "mixers": [mixer], "d_ffn": 20}))
    for name, parameter in made.named_parameters():
        if ".shift." in name:
            nn.init.normal_(parameter, std=0.5)
    return made.eval()


@torch.no_grad()
def test_it_is_invertible_with_padding(flow: Flow) -> None:
    mask = torch.arange(40) < LENGTHS[:, None]
    x, condition = torch.randn(3, 40, 6), torch.randn(3, 1, 5)
    noise = flow(x, condition, mask)
    assert float((noise - x)[mask].std()) > 0.5, "a flow that does nothing tests nothing"
    torch.testing.assert_close(flow.inverse(noise, condition, mask), x, atol=1e-4, rtol=0.0)
    torch.testing.assert_close(flow(flow.inverse(x, condition, mask), condition, mask), x, atol=1e-4, rtol=0.0)


@torch.no_grad()
def test_padding_neither_changes_nor_is_changed(flow: Flow) -> None:
    mask = torch.arange(40) < LENGTHS[:, None]
    x, condition = torch.randn(3, 40, 6), torch.randn(3, 40, 5)
    together = flow(x, condition, mask)
    assert torch.equal(together[~mask], x[~mask])
    for row, length in enumerate(LENGTHS.tolist()):
        piece = slice(row, row + 1), slice(0, length)
        alone = flow(x[piece], condition[piece], mask[piece])
        torch.testing.assert_close(alone, together[piece], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_it_keeps_volume_and_reads_its_condition(flow: Flow) -> None:
    mask = torch.ones(1, 5, dtype=torch.bool)
    x, condition = torch.randn(1, 5, 6), torch.randn(1, 1, 5)
    jacobian: Any = torch.autograd.functional.jacobian(lambda y: flow(y, condition, mask), x)
    torch.testing.assert_close(torch.linalg.det(jacobian.view(30, 30)), torch.tensor(1.0), atol=1e-3, rtol=0.0)
    assert not torch.allclose(flow(x, condition, mask), flow(x, -condition, mask), atol=1e-2)


def test_halves_need_even_channels() -> None:
    with pytest.raises(ValueError, match="5 is odd"):
        Flow(5, 2, 1, EncoderConfig.model_validate({"d_model": 8, "n_layers": 1, "mixers": ["s4"]}))
