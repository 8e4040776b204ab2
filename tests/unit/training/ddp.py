"""One process of a data-parallel training: ``torchrun … -m tests.unit.training.ddp KIND CORPUS OUT [KILL_AT]``.

Trains as `ssmphony train` does and writes ``OUT/rank<r>.pt``: the batches this process saw, its gradients at the first
optimiser step, its weights at the end and how many files it saved.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch

from ssmphony.training.run import train
from ssmphony.training.task import Task
from tests.unit.training.runs import PICTURES, settings

seen: dict[str, Any] = {"batches": [], "gradients": None, "saved": 0}


def watch(kill_at: int) -> list[Task[Any]]:
    """Note what happens; returns a list that will hold the task."""
    tasks: list[Task[Any]] = []
    clip, end_step, save = Task.on_before_optimizer_step, Task.end_step, torch.save

    def note_gradients(task: Task[Any], optimizer: Any) -> None:
        if seen["gradients"] is None:
            seen["gradients"] = {name: p.grad.clone() for name, p in task.named_parameters() if p.grad is not None}
        clip(task, optimizer)

    def note_step(task: Task[Any]) -> None:
        tasks[:] = [task]
        if task.step == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        end_step(task)

    def note_save(*args: Any) -> None:
        seen["saved"] += 1
        save(*args)

    Task.on_before_optimizer_step = note_gradients  # type: ignore[method-assign]
    Task.end_step = note_step  # type: ignore[method-assign]
    torch.save = note_save
    return tasks


def note_batches(kind: type[Any]) -> None:
    step = kind.training_step

    def note(task: Any, batch: Any, batch_idx: int) -> Any:
        seen["batches"].append(batch.names if hasattr(batch, "names") else float(batch[0].double().sum()))
        return step(task, batch, batch_idx)

    kind.training_step = note


def main() -> None:
    from ssmphony.training.tasks.codec import CodecTask
    from ssmphony.training.tasks.s4_acoustic import S4AcousticTask

    kind, corpus, out, *rest = sys.argv[1:]
    for owner, name in PICTURES:
        setattr(owner, name, lambda *args: None)
    note_batches({"s4_acoustic": S4AcousticTask, "codec": CodecTask}[kind])
    tasks = watch(int(rest[0]) if rest else -1)
    train(*settings(kind, Path(corpus), Path(out), "voice.model.dropout=0"))
    weights = {name: value.clone() for name, value in tasks[0].state_dict().items()}
    torch.save({**seen, "weights": weights}, Path(out) / f"rank{os.environ['RANK']}.pt")


if __name__ == "__main__":
    main()
