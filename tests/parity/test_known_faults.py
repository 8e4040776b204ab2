"""Faults that other implementations have had; each test shows the fault, and that ours does not have it.

`tests/unit/ssm/test_pretrained.py` has one more: a Mamba that forgets between pieces.

* A scan as a Python loop over slices has a backward pass that is quadratic in the length (mamba-minimal, issue 21).
* Stepping S4 by the eigenvectors of its discrete matrix loses digits that the HiPPO matrix does not have to spare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ssmphony.ssm import S4Config
from ssmphony.ssm.scan import naive, reference, selective_scan
from tests.unit.ssm import oracle


class Moved(TorchDispatchMode):
    """Counts the numbers that operations return."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple | list) else (result,):
            self.numbers += tensor.numel() if isinstance(tensor, Tensor) else 0
        return result


def sliced_loop(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, state: Tensor) -> Tensor:
    """The selective scan as it is often written: slices of tensors that hold every step."""
    a = torch.exp(delta.unsqueeze(-1) * A)
    bu = delta.unsqueeze(-1) * B.unsqueeze(2) * u.unsqueeze(-1)
    outputs: list[Tensor] = []
    for step in range(u.shape[1]):
        state = a[:, step] * state + bu[:, step]
        outputs.append((state * C[:, step].unsqueeze(1)).sum(-1))
    return torch.stack(outputs, 1) + D * u


def inputs(length: int) -> list[Tensor]:
    torch.manual_seed(0)
    u, delta = torch.randn(1, length, 4), torch.rand(1, length, 4) * 0.1
    b, c = torch.randn(2, 1, length, 3).unbind()
    return [u, delta, -torch.rand(4, 3), b, c, torch.randn(4), torch.zeros(1, 4, 3)]


def backward_work(scan: Callable[..., Any], length: int) -> int:
    values = [value.requires_grad_() for value in inputs(length)]
    result = scan(*values)
    y = result[0] if isinstance(result, tuple) else result
    with Moved() as moved:
        y.sum().backward()
    return moved.numbers


def test_work_of_the_backward_pass_grows_with_the_length_and_not_with_its_square() -> None:
    expected, _ = naive.selective_scan(*inputs(40))
    torch.testing.assert_close(sliced_loop(*inputs(40)), expected, atol=1e-5, rtol=1e-5)
    growth = {
        scan: backward_work(scan, 512) / backward_work(scan, 128)
        for scan in (sliced_loop, selective_scan, reference.selective_scan)
    }
    assert growth.pop(sliced_loop) > 10.0
    assert max(growth.values()) < 5.0


@torch.no_grad()
def test_single_steps_of_s4_keep_their_digits() -> None:
    torch.manual_seed(0)
    kernel = S4Config(d_model=1, d_state=64).build_kernel()
    kernel.log_dt.fill_(np.log(0.01))
    u = torch.randn(200)
    system = oracle.dense(kernel, 0)
    exact, _ = oracle.scan(system, u.numpy(), np.zeros(64, complex))

    a_bar, b_bar, c, skip = (np.complex64(part) for part in system)
    eigenvalues, basis = np.linalg.eig(a_bar)
    folded = (np.diag(eigenvalues), np.linalg.solve(basis, b_bar), c @ basis, float(skip.real))
    diagonal, _ = oracle.scan(
        tuple(np.complex64(part) for part in folded[:3]) + folded[3:], u.numpy(), np.zeros(64, "c8")
    )

    state, outputs = torch.zeros(1, 1, 64), []
    for value in u:
        y, state = kernel.step(value.view(1, 1), state)
        outputs.append(float(y))
    scale = np.abs(exact).max()
    assert np.abs(np.array(outputs) - exact).max() / scale < 1e-4
    assert np.abs(diagonal - exact).max() / scale > 1e-2
