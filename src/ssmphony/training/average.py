"""The moving average of the weights: what is validated, saved for speaking and exported."""

from __future__ import annotations

from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from ssmphony.training.task import Task


class MovingAverage(Callback):
    """Exponential moving average of the parameters of ``task.voice``, shorter at first so that the start is
    forgotten: after n updates the decay is min(``decay``, (1 + n) / (10 + n)).

    A checkpoint holds the average in ``state_dict``, which `read_weights` reads, and the current values in
    ``current_model_state``.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.mean: dict[str, Tensor] = {}
        self.updates = 0
        self._current: dict[str, Tensor] = {}

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        parameters = _parameters(pl_module)
        known = self.mean or parameters
        self.mean = {name: known[name].to(value.device, copy=True) for name, value in parameters.items()}

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        parameters = _parameters(pl_module)
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates)) if self.updates else 0.0
        for name, mean in self.mean.items():
            mean.lerp_(parameters[name], 1 - decay)
        self.updates += 1

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._current = {name: value.clone() for name, value in _parameters(pl_module).items()}
        _copy(self.mean, pl_module)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        _copy(self._current, pl_module)
        self._current = {}

    def averaged(self, pl_module: L.LightningModule) -> dict[str, Tensor]:
        """The task's ``state_dict`` with the averages in place of the model's parameters."""
        return {**pl_module.state_dict(), **self.mean}

    def on_save_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["state_dict"] = self.averaged(pl_module)
        checkpoint["current_model_state"] = _parameters(pl_module)
        checkpoint["averaging_state"] = {"n_averaged": torch.tensor(self.updates)}

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        self.mean = {name: checkpoint["state_dict"][name].clone() for name in _parameters(pl_module)}
        self.updates = int(checkpoint["averaging_state"]["n_averaged"])
        pl_module.load_state_dict({**checkpoint["state_dict"], **checkpoint["current_model_state"]})


def _parameters(task: L.LightningModule) -> dict[str, Tensor]:
    """Parameters of the task's voice by their names in the task, sharing memory with them."""
    assert isinstance(task, Task)
    return {f"voice.{name}": parameter.detach() for name, parameter in task.voice.named_parameters()}


def _copy(values: dict[str, Tensor], task: L.LightningModule) -> None:
    for name, parameter in _parameters(task).items():
        parameter.copy_(values[name])
