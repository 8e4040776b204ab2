"""What the Lightning tasks share: they count their own steps, and a batch is a function of the step alone."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, TypeVar

import lightning as L
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from ssmphony.export.weights import Part
from ssmphony.nn import parameter_groups
from ssmphony.training.schedule import OptimiserConfig, Steps, seed_step

M = TypeVar("M", bound=nn.Module)


class Task(L.LightningModule, Generic[M]):
    """``model`` is the part of the voice that is trained, averaged, saved and exported.

    ``step`` counts finished training steps. Lightning's own count is of optimiser steps, of which an adversarial task
    takes two each time.
    """

    part: Part
    model: M

    def __init__(self, optimiser: OptimiserConfig, seed: int) -> None:
        super().__init__()
        self.optimiser = optimiser
        self.seed = seed
        self.step = 0

    @abstractmethod
    def training_batch(self, number: int) -> Any:
        """Batch ``number`` of the whole training, the same for the same seed."""

    @abstractmethod
    def validation_batches(self) -> list[Any]: ...

    def train_dataloader(self) -> DataLoader[Any]:
        """Several processes take turns: of n, process r gets the batches r, r + n, r + 2n, …"""
        return Steps(lambda step: self.training_batch(self._number(step)), lambda: self.step).loader()

    def val_dataloader(self) -> DataLoader[Any]:
        """Every process validates everything, so that they agree on the best weights without asking each other."""
        return DataLoader(self.validation_batches(), batch_size=None)  # type: ignore[arg-type]

    def configure_optimizers(self) -> Any:
        """One optimiser for all of ``model``, with its schedule."""
        settings = self.optimiser
        groups = parameter_groups(self.model, settings.lr, settings.weight_decay)
        optimiser = AdamW(groups, settings.lr, settings.betas)  # type: ignore[arg-type]
        schedule = {"scheduler": LambdaLR(optimiser, settings.factor), "interval": "step"}
        return {"optimizer": optimiser, "lr_scheduler": schedule}

    def begin_step(self) -> None:
        """Call first in ``training_step``: dropout and noise become a function of the seed and the step."""
        seed_step(self.seed, self._number(self.step))

    def end_step(self) -> None:
        """Call last in ``training_step``."""
        self.step += 1
        if self.step >= self.optimiser.max_steps:
            self.trainer.should_stop = True

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Clip here: gradients are summed over processes and unscaled, however many optimisers there are."""
        clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.optimiser.gradient_clip)

    def log_losses(self, stage: str, losses: dict[str, Tensor], batch_size: int) -> None:
        """``stage`` is "train" or "val". Logged at our own step: Lightning's is one off after some ways to resume."""
        figures: dict[str, Any] = {f"{stage}/{name}": value for name, value in losses.items()}
        self.log_dict({**figures, "step": float(self.step)}, batch_size=batch_size, sync_dist=stage == "val")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["step"] = self.step

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["step"]

    def _number(self, step: int) -> int:
        return step * self.trainer.world_size + self.trainer.global_rank
