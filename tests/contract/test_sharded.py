"""Layers in two processes: every block sharded, as FSDP does it, in full and in mixed precision."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.contract.layers import LAYERS, ONE_OF_EACH, WIDTH

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
#: Of the largest gradient, with weights of the linear layers in bfloat16.
MIXED = 0.3


def work(rank: int, store: str, answer: str) -> None:
    """One of the two processes; the first writes errors of outputs and gradients by layer and precision."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh

    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    found = {name: {kind: errors(name, kind, mesh) for kind in ("full", "mixed")} for name in (*ONE_OF_EACH, "hybrid")}
    dist.barrier()
    if rank == 0:
        Path(answer).write_text(json.dumps(found), encoding="utf-8")
    sys.stdout.flush()
    os._exit(0)  # gloo's threads would end the process while it waits for them


def errors(name: str, precision: str, mesh: Any) -> tuple[float, float]:
    """Of the outputs of two blocks, continued once, and of the gradients, relative to the largest."""
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method

    from ssmphony.nn import Block, LearnedState, Stack
    from ssmphony.ssm.kernel import StateSpaceKernel

    torch.manual_seed(0)
    layer = LAYERS[name]()
    stack = layer if isinstance(layer, Stack) else Stack([Block(WIDTH, layer), Block(WIDTH, copy.deepcopy(layer))])
    twin = copy.deepcopy(stack)
    policy = MixedPrecisionPolicy()
    if precision == "mixed":
        policy = MixedPrecisionPolicy(
            param_dtype=torch.bfloat16, reduce_dtype=torch.float32, output_dtype=torch.float32
        )
        for part in stack.modules():
            if isinstance(part, StateSpaceKernel):
                fully_shard(part, mesh=mesh)
    for block in stack.layers:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(stack, mesh=mesh, mp_policy=policy)
    if any(isinstance(part, LearnedState) for part in stack.modules()):
        for part in (stack, *stack.layers):
            register_fsdp_forward_method(part, "initial_state")
    x = torch.randn(2, 70, WIDTH, generator=torch.Generator().manual_seed(3))
    mask = torch.ones(2, 70, dtype=torch.bool)
    outputs = []
    for module in (stack, twin):
        y, state = module(x, module.initial_state(2), mask)
        y, _ = module(x, state, mask)
        y.square().sum().backward()
        outputs.append(y.detach())
    pairs = zip(stack.parameters(), twin.parameters(), strict=True)
    gradients = [(mine.grad.full_tensor(), theirs.grad) for mine, theirs in pairs if theirs.grad is not None]
    of_gradients = max(float((a - b).abs().max() / b.abs().max().clamp(min=1e-3)) for a, b in gradients)
    return float((outputs[0] - outputs[1]).abs().max() / outputs[1].abs().max()), of_gradients


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[float]]]:
    folder = tmp_path_factory.mktemp("sharded")
    program = (
        "from tests.contract.test_sharded import work; import sys; work(int(sys.argv[1]), sys.argv[2], sys.argv[3])"
    )
    arguments = [str(folder / "store"), str(folder / "answer.json")]
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(rank), *arguments], cwd=ROOT, stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    ends = [process.communicate(timeout=500)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], ends[0][-3000:].decode()
    return json.loads((folder / "answer.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [*ONE_OF_EACH, "hybrid"])
def test_sharded_blocks(name: str, found: dict[str, dict[str, list[float]]]) -> None:
    """In float32 the outputs and gradients of one process."""
    assert max(found[name]["full"]) < 1e-5


@pytest.mark.parametrize("name", [*ONE_OF_EACH, "hybrid"])
def test_sharded_blocks_in_mixed_precision(name: str, found: dict[str, dict[str, list[float]]]) -> None:
    """With ``param_dtype=bfloat16``, and kernels of S4 and S4D sharded by themselves in float32."""
    outputs, gradients = found[name]["mixed"]
    assert outputs < 0.05
    assert gradients < MIXED
