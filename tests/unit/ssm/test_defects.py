"""What went wrong in earlier S4 voices: each test fails on the code that had the defect.

The halved low-rank term is in `test_hippo`, the truncated kernel (CNN against RNN at N = 64, L = 64) in
`test_kernels`.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ssmphony.nn import BidirectionalBlock, BidirectionalConfig, Block, parameter_groups
from ssmphony.ssm import S4Config, S4DConfig, StateSpaceMixer

KINDS = {"s4": S4Config, "s4d": S4DConfig}
every_kind = pytest.mark.parametrize("kind", KINDS)


def mixer(kind: str, d_model: int = 6) -> StateSpaceMixer:
    torch.manual_seed(0)
    return KINDS[kind](d_model=d_model, d_state=8).build()


def run(layer: Any, x: torch.Tensor) -> torch.Tensor:
    y, _ = layer.forward(x, layer.initial_state(len(x)), torch.ones(x.shape[:2], dtype=torch.bool))
    return y


@every_kind
def test_channels_mix(kind: str) -> None:
    """Every output channel depends on every input channel."""
    x = torch.randn(1, 10, 6, requires_grad=True)
    y = run(mixer(kind), x)
    for channel in range(6):
        (gradient,) = torch.autograd.grad(y[..., channel].sum(), x, retain_graph=True)
        assert (gradient.abs().sum((0, 1)) > 0).all()


@every_kind
def test_block_has_a_residual(kind: str) -> None:
    """With a silent mixer and feed-forward a block passes its input on unchanged."""
    torch.manual_seed(0)
    x, mask = torch.randn(2, 70, 6), torch.ones(2, 70, dtype=torch.bool)
    both = BidirectionalConfig(mixer=KINDS[kind](d_model=6, d_state=8)).build()
    for block in (Block(6, mixer(kind), d_ffn=4), BidirectionalBlock(6, both, d_ffn=4)):
        assert block.ffn is not None
        nn.init.zeros_(block.mixer.output.linear.weight)  # type: ignore[union-attr]
        nn.init.zeros_(block.mixer.output.linear.bias)  # type: ignore[union-attr]
        nn.init.zeros_(block.ffn.down.weight)
        nn.init.zeros_(block.ffn.down.bias)
        y = run(block, x) if isinstance(block, Block) else block(x, mask)
        assert torch.equal(y, x)


@every_kind
def test_step_sizes_are_log_uniform(kind: str) -> None:
    """dt in [1e-3, 1e-1], not [e^-1, 1]; the logarithm is spread evenly."""
    log_dt = mixer(kind, 4000).kernel.log_dt.detach()
    low, high = torch.log(torch.tensor([1e-3, 1e-1]))
    assert low <= log_dt.min() < low + 0.1
    assert high - 0.1 < log_dt.max() <= high
    share = torch.histc(log_dt, 4, float(low), float(high)) / 4000
    torch.testing.assert_close(share, torch.full((4,), 0.25), atol=0.03, rtol=0.0)


@every_kind
def test_dynamics_are_trained(kind: str) -> None:
    """Lambda, P, B and dt are parameters that receive gradients and that the supplied optimiser groups move."""
    layer = mixer(kind)
    names = {"s4": {"log_dt", "log_neg_real", "imag", "p", "b"}, "s4d": {"log_dt", "log_neg_real", "imag"}}[kind]
    groups = parameter_groups(layer, lr=1e-2, weight_decay=0.1)
    before = {name: value.detach().clone() for name, value in layer.kernel.named_parameters()}
    assert names <= set(before)
    run(layer, torch.randn(2, 80, 6)).square().sum().backward()
    torch.optim.AdamW(groups).step()  # type: ignore[arg-type]
    for name, value in layer.kernel.named_parameters():
        assert value.grad is not None
        assert value.grad.abs().max() > 0, name
        assert not torch.equal(value, before[name]), name


@every_kind
def test_nothing_is_complex(kind: str) -> None:
    layer = mixer(kind)
    for name, value in layer.state_dict().items():
        assert value.dtype == torch.float32, name
    assert layer.initial_state(1).x.dtype == torch.float32
