"""What the Lightning tasks share: they count their own steps, and a batch is a function of the step alone."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Generic

import lightning as L
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from ssmphony.export.weights import current_names
from ssmphony.nn import parameter_groups
from ssmphony.training.discriminators import AdversarialConfig, Verdicts
from ssmphony.training.losses import discriminator_loss, feature_matching_loss, generator_loss
from ssmphony.training.schedule import OptimiserConfig, Steps, seed_step
from ssmphony.training.voice_module import C, M, VoiceModule


class Task(L.LightningModule, Generic[M, C]):
    """Base of all tasks. ``training_step`` calls `begin_step`, `descend` and `end_step`.

    ``voice`` is what is trained, averaged, saved and exported. ``discriminators``, where there are any, are saved to
    resume with, but not averaged. ``step`` counts finished training steps. Lightning's own count is of optimiser steps,
    of which a step against discriminators takes two.
    """

    def __init__(
        self,
        voice: VoiceModule[M, C],
        optimiser: OptimiserConfig,
        seed: int,
        discriminators: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.voice = voice
        self.discriminators = discriminators
        self.optimiser = optimiser
        self.seed = seed
        self.step = 0

    @property
    def model(self) -> M:
        return self.voice.model

    @property
    def codec(self) -> C:
        return self.voice.codec

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
        """One optimiser for the voice and one for the discriminators, each with its schedule."""
        settings = self.optimiser
        sides = [side for side in (self.voice, self.discriminators) if side is not None]
        optimisers = [
            AdamW(parameter_groups(side, settings.lr, settings.weight_decay), settings.lr, settings.betas)  # type: ignore[arg-type]
            for side in sides
        ]
        return optimisers, [LambdaLR(optimiser, settings.factor) for optimiser in optimisers]

    def begin_step(self) -> None:
        """Call first in ``training_step``: dropout and noise become a function of the seed and the step."""
        seed_step(self.seed, self._number(self.step))

    def descend(self, loss: Tensor, side: int = 0) -> None:
        """One step of the optimiser of the voice (0) or of the discriminators (1), and of its schedule."""
        optimisers, schedulers = self.optimizers(), self.lr_schedulers()
        optimiser = optimisers[side] if isinstance(optimisers, list) else optimisers
        scheduler = schedulers[side] if isinstance(schedulers, list) else schedulers
        optimiser.zero_grad()
        self.manual_backward(loss)
        optimiser.step()
        assert isinstance(scheduler, LambdaLR)
        scheduler.step()

    def compete(
        self, discriminators: nn.Module, score: Callable[[Tensor], Verdicts], real: Tensor, fake: Tensor
    ) -> dict[str, Tensor]:
        """Train the discriminators by one step, then return the adversarial losses of the voice.

        Args:
            discriminators: Trained here; frozen while the voice's losses are computed.
            score: ``discriminators`` itself, or a function that calls it on a part of its input.
            real: What recordings are.
            fake: What the voice generates.

        Returns:
            ``discriminator``, the loss of this step; ``generator`` and ``features`` (feature matching), to be weighted
            and added to the other losses of the voice.
        """
        loss = discriminator_loss(score(real)[0], score(fake.detach())[0])
        self.descend(loss, side=1)
        discriminators.requires_grad_(False)
        scores, features = score(fake)
        _, real_features = score(real.detach())
        discriminators.requires_grad_(True)
        return {
            "discriminator": loss,
            "generator": generator_loss(scores),
            "features": feature_matching_loss(real_features, features),
        }

    def against(
        self, config: AdversarialConfig | None, losses: dict[str, Tensor], real: Tensor, fake: Tensor
    ) -> Tensor:
        """The adversarial losses in proportion to a spectral loss of weight 1; they are added to ``losses``, too.

        0 without discriminators, and before ``start_step``."""
        if config is None or self.discriminators is None or self.step < config.start_step:
            return fake.new_zeros(())
        losses |= self.compete(self.discriminators, self.discriminators, real, fake)
        return (losses["generator"] + config.feature_weight * losses["features"]) / config.mel_weight

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
        figures: dict[str, Any] = {f"{stage}/{name}": value.detach() for name, value in losses.items()}
        self.log_dict({**figures, "step": float(self.step)}, batch_size=batch_size, sync_dist=stage == "val")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["step"] = self.step
        checkpoint["trains"] = self.voice.trains

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["step"]
        for key in ("state_dict", "current_model_state"):
            if key in checkpoint:
                checkpoint[key] = current_names(checkpoint[key], self.voice.trains)

    def _number(self, step: int) -> int:
        return step * self.trainer.world_size + self.trainer.global_rank
