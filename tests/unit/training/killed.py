"""Trainings that are killed: ``python -m tests.unit.training.killed``, jobs as JSON on standard input.

A job is {"config", "overrides", "at"}; ``at`` is the step in whose middle SIGKILL comes, or "checkpoint": between the
second checkpoint's last byte and its place. Each runs in a fork, so that PyTorch is imported once.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ssmphony.training import callbacks
from ssmphony.training.run import train
from ssmphony.training.task import Task
from tests.unit.training.runs import PICTURES


def run(job: dict[str, Any]) -> None:
    if job["at"] == "checkpoint":
        _kill_at_second_checkpoint()
    else:
        _kill_in_step(job["at"])
    train(Path(job["config"]), tuple(job["overrides"]))


def _kill_in_step(step: int) -> None:
    end_step = Task.end_step

    def kill(task: Task[Any]) -> None:
        if task.step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        end_step(task)

    Task.end_step = kill  # type: ignore[method-assign]


def _kill_at_second_checkpoint() -> None:
    save = callbacks.SaveLast.save
    saved = 0

    def count(callback: callbacks.SaveLast, trainer: Any) -> None:
        nonlocal saved
        saved += 1
        if saved == 2:
            callbacks.os = _NoReplace  # type: ignore[attr-defined]
        save(callback, trainer)

    callbacks.SaveLast.save = count  # type: ignore[method-assign]


class _NoReplace:
    @staticmethod
    def replace(source: Path, target: Path) -> None:
        assert source.exists()
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    for owner, name in PICTURES:
        setattr(owner, name, lambda *args: None)
    for job in json.load(sys.stdin):
        child = os.fork()
        if not child:
            run(job)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"training was not killed: status {status}")


if __name__ == "__main__":
    main()
