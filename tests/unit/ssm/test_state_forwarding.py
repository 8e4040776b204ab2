"""The four matrices of a block obey the rules of docs/derivations/state-forwarding.md."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from ssmphony.ssm.blocks import BlockMatrices
from ssmphony.ssm.convolution import causal_lags, toeplitz
from ssmphony.ssm.kernel import StateSpaceKernel
from ssmphony.ssm.s4 import S4Kernel
from ssmphony.ssm.s4d import S4DKernel


def toeplitz_of(block: BlockMatrices) -> torch.Tensor:
    return toeplitz(causal_lags(block.kernel), block.kernel.shape[-1])


@pytest.mark.parametrize("build", [lambda: S4Kernel(2, 8), lambda: S4DKernel(2, 8)], ids=["s4", "s4d"])
@pytest.mark.parametrize(("first", "second"), [(1, 1), (3, 5), (8, 4), (5, 11)])
def test_blocks_compose(build: Callable[[], StateSpaceKernel], first: int, second: int) -> None:
    """A block of S steps and one of T are the block of S + T."""
    torch.manual_seed(0)
    kernel = build().double()
    s, t, both = (kernel.block(length) for length in (first, second, first + second))
    rules = {
        "power": (both.power, s.power @ t.power),
        "reach": (both.reach, torch.cat([s.reach @ t.power, t.reach], 1)),
        "observe": (both.observe, torch.cat([s.observe, s.power @ t.observe], 2)),
    }
    early = torch.cat([toeplitz_of(s), s.reach @ t.observe], 2)
    late = torch.cat([torch.zeros(2, second, first, dtype=torch.float64), toeplitz_of(t)], 2)
    rules["toeplitz"] = (toeplitz_of(both), torch.cat([early, late], 1))
    for name, (whole, composed) in rules.items():
        torch.testing.assert_close(composed, whole, rtol=1e-9, atol=1e-11, msg=name)
