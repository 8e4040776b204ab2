"""Keep the state of a run on disk so that it can be killed at any moment."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback


class SaveLast(Callback):
    """Write ``last.ckpt`` every so many minutes, or steps where given, and when training ends or is interrupted.

    The file is replaced in one move: a run killed while it writes resumes from the checkpoint before. Lightning's own
    `ModelCheckpoint` writes in place, and with manual optimisation it has no clock.
    """

    def __init__(self, folder: Path, minutes: float, steps: int | None) -> None:
        self.path = folder / "last.ckpt"
        self.seconds = minutes * 60
        self.steps = steps
        self.saved = time.monotonic()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step: int = pl_module.step  # type: ignore[assignment]
        due = step % self.steps == 0 if self.steps else time.monotonic() - self.saved > self.seconds
        if due:
            self.save(trainer)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.save(trainer)

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        if isinstance(exception, KeyboardInterrupt):
            self.save(trainer)

    def save(self, trainer: L.Trainer) -> None:
        partial = self.path.with_suffix(".partial")
        trainer.save_checkpoint(partial)
        if trainer.is_global_zero:
            os.replace(partial, self.path)
        self.saved = time.monotonic()
