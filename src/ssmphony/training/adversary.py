"""What trainings against discriminators share: two sides with an optimiser each, and the losses of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from ssmphony.nn import parameter_groups
from ssmphony.training.discriminators import Verdicts
from ssmphony.training.losses import discriminator_loss, feature_matching_loss, generator_loss
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.task import Task

M = TypeVar("M", bound=nn.Module)


class AdversarialTask(Task[M]):
    """A task that calls `descend` itself. ``discriminators`` are None where it trains without any; they are saved
    beside the model, to resume with, but they are not averaged."""

    discriminators: nn.Module | None

    def __init__(self, optimiser: OptimiserConfig, seed: int) -> None:
        super().__init__(optimiser, seed)
        self.automatic_optimization = False
        # of the instance: an attribute of the class would hide the module that is registered under its name
        self.discriminators = None

    def configure_optimizers(self) -> Any:
        settings = self.optimiser
        sides: list[nn.Module] = [self.model] if self.discriminators is None else [self.model, self.discriminators]
        optimisers = [
            AdamW(parameter_groups(side, settings.lr, settings.weight_decay), settings.lr, settings.betas)  # type: ignore[arg-type]
            for side in sides
        ]
        return optimisers, [LambdaLR(optimiser, settings.factor) for optimiser in optimisers]

    def descend(self, loss: Tensor, side: int = 0) -> None:
        """One step of the optimiser of the model (0) or of the discriminators (1), and of its schedule."""
        optimisers, schedulers = self.optimizers(), self.lr_schedulers()
        optimiser = optimisers[side] if isinstance(optimisers, list) else optimisers
        scheduler = schedulers[side] if isinstance(schedulers, list) else schedulers
        optimiser.zero_grad()
        self.manual_backward(loss)
        optimiser.step()
        assert isinstance(scheduler, LambdaLR)
        scheduler.step()

    def compete(
        self, discriminators: nn.Module, judge: Callable[[Tensor], Verdicts], real: Tensor, fake: Tensor
    ) -> dict[str, Tensor]:
        """Train the discriminators by one step on both; then what they say of ``fake`` as losses of the model.

        ``judge`` is ``discriminators``, or asks them for their verdict on a part of what it is given. ``generator``
        falls as the discriminators are fooled, ``features`` as their inner layers see less difference.
        """
        loss = discriminator_loss(judge(real)[0], judge(fake.detach())[0])
        self.descend(loss, side=1)
        discriminators.requires_grad_(False)
        scores, features = judge(fake)
        _, real_features = judge(real.detach())
        discriminators.requires_grad_(True)
        return {
            "discriminator": loss,
            "generator": generator_loss(scores),
            "features": feature_matching_loss(real_features, features),
        }
