"""Train the network of `ssmphony.codecs.s4d_legacy` as its report did, by the squared error; or the VAE next to it."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.codecs.s4d_legacy import LENGTH, SAMPLE_RATE, LegacyAutoencoder, LegacyVae
from ssmphony.config import Config
from ssmphony.data.code_clips import ClipSource
from ssmphony.data.stretches import read_stretches
from ssmphony.training.config import VoiceConfig
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.task import Task
from ssmphony.training.voice_module import VoiceModule


class S4DLegacyTaskConfig(Config):
    """Nothing of the voice block is used: the network is no codec."""

    kind: Literal["s4d_legacy"] = "s4d_legacy"
    network: Literal["autoencoder", "vae"] = "autoencoder"
    sources: tuple[ClipSource, ...]
    """Prepared corpora, whose clips are joined to stretches of ``length`` samples at 3 kHz."""
    validation: tuple[ClipSource, ...] = ()
    length: int = Field(default=LENGTH, ge=1_000, multiple_of=1_000)
    divergence_weight: float = Field(default=1e-4, ge=0.0)
    """Of the VAE's divergence, in nats a stretch."""
    batch_size: int = Field(default=1, ge=1)
    optimiser: OptimiserConfig = OptimiserConfig()

    def build(self, voice: VoiceConfig, seed: int) -> S4DLegacyTask:
        """Raises `SsmphonyError` where a corpus is missing or too short."""
        return S4DLegacyTask(self, seed)

    def network_of(self) -> LegacyAutoencoder | LegacyVae:
        """With fresh weights."""
        return LegacyVae(self.length) if self.network == "vae" else LegacyAutoencoder(self.length)


class S4DLegacyTask(Task[nn.Module, None]):
    """``train/error`` and ``val/error`` are mean squared errors."""

    def __init__(self, config: S4DLegacyTaskConfig, seed: int) -> None:
        super().__init__(VoiceModule(config.network_of(), None, "model"), config.optimiser, seed)
        self.config = config
        self.stretches = read_stretches(config.sources, SAMPLE_RATE, config.length)
        self.held_out = read_stretches(config.validation, SAMPLE_RATE, config.length) if config.validation else []

    def training_batch(self, number: int) -> Tensor:
        chosen = np.random.default_rng((self.seed, number)).integers(len(self.stretches), size=self.config.batch_size)
        return torch.from_numpy(np.stack([self.stretches[index] for index in chosen]))

    def validation_batches(self) -> list[Tensor]:
        return [torch.from_numpy(stretch[None]) for stretch in self.held_out]

    def training_step(self, batch: Tensor, batch_idx: int) -> None:
        self.begin_step()
        losses = self.losses(batch)
        self.descend(losses["error"] + self.config.divergence_weight * losses["divergence"])
        self.log_losses("train", losses, len(batch))
        self.end_step()

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """error: mean squared; divergence: 0 of what is no VAE."""
        if isinstance(self.model, LegacyVae):
            copy, divergence = self.model(x)
            return {"error": F.mse_loss(copy, x), "divergence": divergence}
        return {"error": F.mse_loss(self.model(x), x), "divergence": x.new_zeros(())}

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        error = self.losses(batch)["error"]
        self.log_losses("val", {"loss": error, "error": error}, len(batch))
