"""Save the state of a run, so that it can be killed at any moment, and stop it on a signal."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback

from ssmphony.training.average import MovingAverage
from ssmphony.training.task import Task
from ssmphony.types import SsmphonyError


class Stopped(Exception):
    """Training was asked to end, and its state is on disk."""


class StopOnSignal(Callback):
    """Ctrl-C or SIGTERM ends training after the step in hand, when its state is whole; a second one ends it at once.

    ``received`` is the signal that came. ``stopping`` is true in all processes of a training at the same step, and
    `SaveLast` then saves and raises `Stopped`.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self.stopping = False
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.stopping = _any(trainer, self.received is not None)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self._restore()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


class SaveLast(Callback):
    """Write ``last.ckpt`` every ``minutes``, or every ``steps`` where given, and at the last step.

    The file is replaced in one move: a run killed while it writes resumes from the checkpoint before. At a step that
    is followed by a validation the checkpoint waits for its end, so that no validation is lost. Lightning's own
    `ModelCheckpoint` has no clock with manual optimisation. Raises `SsmphonyError` instead of saving weights that are
    not numbers, and when the disk cannot hold them.
    """

    def __init__(self, folder: Path, minutes: float, steps: int | None, stop: StopOnSignal) -> None:
        self.path = folder / "last.ckpt"
        self.seconds = minutes * 60
        self.steps = steps
        self.stop = stop
        self.saved = time.monotonic()
        self._waiting = False

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Task)
        late = pl_module.step % self.steps == 0 if self.steps else time.monotonic() - self.saved > self.seconds
        if not (trainer.should_stop or self.stop.stopping or _any(trainer, late)):
            return
        due = trainer.should_stop or pl_module.step % int(trainer.val_check_batch or 1) == 0
        if due and sum(trainer.num_val_batches):
            self._waiting = True
        else:
            self.save(trainer)

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._waiting:
            self._waiting = False
            self.save(trainer)

    def save(self, trainer: L.Trainer) -> None:
        task = trainer.lightning_module
        assert isinstance(task, Task)
        if not all(bool(parameter.isfinite().all()) for parameter in task.parameters()):
            raise SsmphonyError(
                f"step {task.step}: the weights are no longer numbers; {self.path} holds the last good ones. Resume "
                "with a lower task.optimiser.lr, or with run.precision=32-true"
            )
        partial = self.path.with_suffix(".partial")
        try:
            trainer.save_checkpoint(partial)
            if trainer.is_global_zero:
                os.replace(partial, self.path)
        except OSError as error:
            raise SsmphonyError(f"{self.path}: cannot be written: {error.strerror or error}") from None
        self.saved = time.monotonic()
        if self.stop.stopping:
            raise Stopped


class SaveBest(Callback):
    """Write ``best.ckpt``, the averaged weights alone, whenever ``val/loss`` is lower than ever before."""

    def __init__(self, folder: Path, average: MovingAverage) -> None:
        self.path = folder / "best.ckpt"
        self.average = average
        self.best = math.inf

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Task)
        loss = float(trainer.callback_metrics.get("val/loss", math.inf))
        if loss >= self.best:
            return
        self.best = loss
        if trainer.is_global_zero:
            weights = {name: value.cpu() for name, value in self.average.averaged(pl_module).items()}
            partial = self.path.with_suffix(".partial")
            try:
                checkpoint = {"state_dict": weights, "step": pl_module.step, "trains": pl_module.voice.trains}
                torch.save({**checkpoint, "val/loss": loss}, partial)
                os.replace(partial, self.path)
            except (OSError, RuntimeError) as error:
                raise SsmphonyError(f"{self.path}: cannot be written: {str(error).splitlines()[0]}") from None

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]


def _any(trainer: L.Trainer, here: bool) -> bool:
    """Whether it holds in any of the processes; they must all do the same, or they would wait for each other."""
    return here if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(here, all=False)
