"""Compiled recurrences large enough for several threads: the same numbers, side by side and after a fork, too."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from ssmphony.ssm import S4Config, S4DConfig, scan
from ssmphony.ssm.scan import build, cpu

L = 300


@pytest.fixture(autouse=True)
def several_threads() -> Iterator[None]:
    """Skips where nothing can compile; a compile error is a failure."""
    try:
        build.load() if not cpu.ready() else None
    except build.NoCompilerError as missing:
        pytest.skip(f"the compiled scans need {missing}")
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def call(name: str, threads: int) -> list[Tensor]:
    """Outputs and gradients of a recurrence of some 10^5 updates of a vector."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    if name in ("s4", "s4d"):
        layer = (S4Config if name == "s4" else S4DConfig)(d_model=128).build()
        leaves = [torch.randn(2, L, 128, requires_grad=True)]
        y, _ = layer(leaves[0], layer.initial_state(2), torch.ones(2, L, dtype=torch.bool))
        return [y.detach(), *torch.autograd.grad(y.square().sum(), leaves)]
    if name == "delta":
        q, k = (torch.nn.functional.normalize(torch.randn(2, L, 4, 32), dim=-1) for _ in "qk")
        values = [q, k, torch.randn(2, L, 4, 64), -torch.rand(2, L, 4), torch.rand(2, L, 4), torch.randn(2, 4, 64, 32)]
        function = scan.gated_delta_rule
    elif name == "ssd":
        maps = [torch.randn(2, L, 1, 32) for _ in "BC"]
        values = [torch.randn(2, L, 4, 32), torch.rand(2, L, 4), -torch.rand(4), *maps, torch.randn(4)]
        values.append(torch.randn(2, 4, 32, 32))
        function = scan.ssd
    else:
        kind = torch.complex64 if name == "complex" else torch.float32
        A, maps = -torch.rand(256, 16).to(kind), [torch.randn(2, L, 16, dtype=kind) for _ in "BC"]
        values = [torch.randn(2, L, 256), torch.rand(2, L, 256), A, *maps, torch.randn(256)]
        values.append(torch.randn(2, 256, 16, dtype=kind))
        function = scan.selective_scan
    leaves = [value.requires_grad_() for value in values]
    y, last = function(*leaves)
    gradients = torch.autograd.grad(y.square().sum() + last.abs().square().sum(), leaves)
    return [y.detach(), last.detach(), *gradients]


@pytest.mark.parametrize("name", ["selective", "ssd", "complex", "delta", "s4", "s4d"])
def test_threads_compute_the_same(name: str) -> None:
    """Outputs to the last bit; what threads add up, a gradient of shared maps, to rounding."""
    alone = call(name, 1)
    for threads in (2, 5):
        together = call(name, threads)
        assert torch.equal(together[0], alone[0])
        for ours, theirs in zip(together[1:], alone[1:], strict=True):
            assert float((ours - theirs).abs().max()) <= 1e-5 * float(theirs.abs().max())


def test_calls_from_several_threads_stay_apart() -> None:
    expected, found = call("selective", 2), dict[int, list[Tensor]]()
    values = [part.clone() for part in expected]

    def work(index: int) -> None:
        torch.set_num_threads(2)
        u, delta = torch.ones(1, L, 256) * (index + 1), torch.full((1, L, 256), 0.1)
        maps, A = torch.ones(1, L, 16), -torch.ones(256, 16)
        found[index] = [scan.selective_scan(u, delta, A, maps, maps, torch.zeros(256), torch.zeros(1, 256, 16))[0]]

    workers = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for index in range(4):
        torch.testing.assert_close(found[index][0], (index + 1) * found[0][0])
    assert all(map(torch.equal, values, expected))


FORKED = """
import os, torch
from ssmphony.ssm import scan
torch.set_num_threads(2)
u, maps, A = torch.ones(1, 600, 256), torch.ones(1, 600, 16), -torch.ones(256, 16)
given = (u, u, A, maps, maps, torch.zeros(256), torch.zeros(1, 256, 16))
scan.selective_scan(*given)
child = os.fork()
if not child:
    scan.selective_scan(*given)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True, timeout=100)
    assert done.stdout.strip() == "7"
