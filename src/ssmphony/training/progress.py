"""Progress of a training: a bar on a terminal, a line for each validation in a log."""

from __future__ import annotations

from typing import Any

import lightning as L
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ssmphony.training.task import Task


class ShowProgress(Callback):
    """Writes to standard error, from one process, every ``every`` steps."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.console = Console(stderr=True)
        self.bar = Progress(
            BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"),
            console=self.console, transient=True,
        )  # fmt: skip

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Task)
        if trainer.is_global_zero and self.console.is_terminal:
            self.bar.add_task("", total=pl_module.optimiser.max_steps, completed=pl_module.step)
            self.bar.start()

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Task)
        for task in self.bar.task_ids:
            self.bar.update(task, completed=pl_module.step)
            if pl_module.step % self.every == 0:
                self.bar.update(task, description=_figures(trainer, "train/"))

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        assert isinstance(pl_module, Task)
        if trainer.is_global_zero:
            self.console.print(f"step {pl_module.step}: {_figures(trainer, 'val/')}", soft_wrap=True, highlight=False)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        self._stop()

    def on_exception(self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException) -> None:
        self._stop()

    def _stop(self) -> None:
        if self.bar.live.is_started:
            self.bar.stop()


def _figures(trainer: L.Trainer, stage: str) -> str:
    found = {name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith(stage)}
    return ", ".join(f"{name.removeprefix(stage)} {value:.4g}" for name, value in found.items())
