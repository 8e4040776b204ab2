"""Data-parallel training by torchrun, two processes on the CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from ssmphony.training.run import build, read_config
from ssmphony.training.tasks.s4_acoustic import S4AcousticTask
from tests.unit.training.runs import STEPS, assert_same, checkpoint, scalars, settings

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


def torchrun(*arguments: str | Path | int) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
    return subprocess.run(
        [*command, "tests.unit.training.ddp", *map(str, arguments)],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


def ranks(out: Path) -> list[dict[str, Any]]:
    return [torch.load(out / f"rank{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folders = {kind: tmp_path_factory.mktemp(f"{kind}_ddp") / "run" for kind in ("s4_acoustic", "codec")}
    for kind, out in folders.items():
        done = torchrun(kind, corpus, out)
        assert done.returncode == 0, done.stderr[-3000:]
    return folders


@pytest.mark.parametrize("kind", ["s4_acoustic", "codec"])
def test_processes_share_one_model(kind: str, trained: dict[str, Path]) -> None:
    first, second = ranks(trained[kind])
    assert_same(first["weights"], second["weights"])
    assert_same(first["gradients"], second["gradients"])
    assert len(first["batches"]) == len(second["batches"]) == STEPS
    assert first["saved"] > 0
    assert second["saved"] == 0
    assert checkpoint(trained[kind] / "last.ckpt")["step"] == STEPS
    assert sorted(scalars(trained[kind])["val/loss"]) == [4, 8, 10]


def test_processes_take_turns_at_the_batches(corpus: Path, trained: dict[str, Path]) -> None:
    path, overrides = settings("s4_acoustic", corpus, trained["s4_acoustic"])
    task = build(read_config(path, overrides), str(path))
    assert isinstance(task, S4AcousticTask)
    expected = [task.training_batch(number).names for number in range(2 * STEPS)]
    first, second = ranks(trained["s4_acoustic"])
    assert [tuple(names) for names in first["batches"]] == expected[::2]
    assert [tuple(names) for names in second["batches"]] == expected[1::2]


def test_gradients_are_the_mean_of_both(corpus: Path, trained: dict[str, Path]) -> None:
    path, overrides = settings("s4_acoustic", corpus, trained["s4_acoustic"], "voice.model.dropout=0")
    task = build(read_config(path, overrides), str(path))
    assert isinstance(task, S4AcousticTask)
    for number in range(2):
        batch = task.training_batch(number)
        (task.losses(batch, task.reconstruct(batch))["loss"] / 2).backward()
    gradients = ranks(trained["s4_acoustic"])[0]["gradients"]
    for name, parameter in task.named_parameters():
        assert parameter.grad is not None, name
        torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-4, atol=1e-6)


def test_killed_processes_resume(corpus: Path, trained: dict[str, Path], tmp_path: Path) -> None:
    assert torchrun("codec", corpus, tmp_path, 7).returncode != 0
    assert checkpoint(tmp_path / "last.ckpt")["step"] == 6
    done = torchrun("codec", corpus, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    for one, other in zip(ranks(tmp_path), ranks(trained["codec"]), strict=True):
        assert one["batches"] == other["batches"][6:]
        assert_same(one["weights"], other["weights"])
    assert_same(
        checkpoint(tmp_path / "last.ckpt")["optimizer_states"],
        checkpoint(trained["codec"] / "last.ckpt")["optimizer_states"],
    )
