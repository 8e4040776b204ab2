"""Train a codec that decodes log-mel frames: spectral losses first, adversarial ones when they are switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from ssmphony.codecs.mel_vocoder import MelVocoder
from ssmphony.config import Config
from ssmphony.data.crops import AudioCrops, CropSource
from ssmphony.training import pictures
from ssmphony.training.config import VoiceBlock
from ssmphony.training.discriminators import Discriminators
from ssmphony.training.losses import MultiScaleMelLoss, discriminator_loss, feature_matching_loss, generator_loss
from ssmphony.training.schedule import OptimiserConfig, Steps, seed_step
from ssmphony.voices.weights import Part


class AdversarialConfig(Config):
    """``samples`` is the length of the crop the discriminators see; ``width`` 32 is the published size."""

    width: int = 8
    samples: int = 8192
    start_step: int = 0
    mel_weight: float = 15.0
    feature_weight: float = 2.0
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    windows: tuple[int, ...] = (2048, 1024, 512)


class VocoderTaskConfig(Config):
    """``frames`` is the length of a training crop, ``validation`` a folder list of prepared clips by id file."""

    kind: Literal["vocoder"] = "vocoder"
    sources: tuple[CropSource, ...]
    validation: str | None = None
    validation_ids: str | None = None
    batch_size: int = 16
    frames: int = 64
    optimiser: OptimiserConfig = OptimiserConfig()
    adversarial: AdversarialConfig | None = None

    def build(self, voice: VoiceBlock, seed: int) -> VocoderTask:
        return VocoderTask(self, voice.codec_settings().build(), seed)


class VocoderTask(L.LightningModule):
    """Lightning task. ``model`` is the codec alone: it is what EMA averages for speaking and what is saved."""

    part: Part = "codec"

    def __init__(self, config: VocoderTaskConfig, model: MelVocoder, seed: int) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.seed = seed
        self.step = 0
        self.automatic_optimization = False
        self.spectral = MultiScaleMelLoss(model.format.sample_rate)
        self.discriminators: Discriminators | None = None
        if config.adversarial:
            family = config.adversarial
            self.discriminators = Discriminators(family.width, family.periods, family.windows)
        self.crops = AudioCrops(config.sources, config.frames, seed, model.format)

    # -- data -----------------------------------------------------------------------------------------------------

    def train_dataloader(self) -> DataLoader[Any]:
        def make(step: int) -> list[Tensor]:
            crops = self.crops.batch(step * self.trainer.world_size + self.global_rank, self.config.batch_size)
            return [torch.from_numpy(array) for array in crops]

        return Steps(make, lambda: self.step).loader()

    def val_dataloader(self) -> DataLoader[Any]:
        clips: list[Tensor] = []
        if self.config.validation and self.config.validation_ids:
            folder = Path(self.config.validation)
            for name in Path(self.config.validation_ids).read_text(encoding="utf-8").split():
                samples, _ = soundfile.read(folder / "audio" / f"{name}.flac", dtype="float32")
                clips.append(torch.from_numpy(samples[None].astype(np.float32)))
        return DataLoader(clips, batch_size=None)  # type: ignore[arg-type]

    # -- optimisation ---------------------------------------------------------------------------------------------

    def configure_optimizers(self) -> Any:
        settings = self.config.optimiser
        sides = [self.model] if self.discriminators is None else [self.model, self.discriminators]
        optimisers = [
            AdamW(side.parameters(), settings.lr, settings.betas, weight_decay=settings.weight_decay) for side in sides
        ]
        return optimisers, [LambdaLR(optimiser, settings.factor) for optimiser in optimisers]

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        seed_step(self.seed, self.step)
        prediction, target = self._synthesise(*batch)
        spectral = self.spectral(prediction, target)
        self.log("train/spectral", spectral, prog_bar=True)
        loss = spectral
        adversarial = self.config.adversarial
        if self.discriminators is not None and adversarial and self.step >= adversarial.start_step:
            crop = self._crop(prediction.shape[-1], adversarial.samples)
            self._train_discriminators(target[:, crop], prediction[:, crop].detach())
            loss = loss * adversarial.mel_weight + self._adversarial(target[:, crop], prediction[:, crop])
        self._descend(0, self.model, loss)
        self.step += 1
        if self.step >= self.config.optimiser.max_steps:
            self.trainer.should_stop = True

    def _synthesise(self, samples: Tensor, frames: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """Decode a crop's frames; the first and last two hops lack frames that were cut away, so they are left out."""
        own = self.model.encode(samples)[:, : self.config.frames]
        frames = torch.where(made[:, None, None], frames, own)
        edge = 2 * self.model.format.hop_length
        return self.model(frames)[:, edge:-edge], samples[:, edge:-edge]

    def _crop(self, available: int, wanted: int) -> slice:
        start = int(torch.randint(max(1, available - wanted), ()))
        return slice(start, start + wanted)

    def _train_discriminators(self, real: Tensor, fake: Tensor) -> None:
        assert self.discriminators is not None
        real_scores, _ = self.discriminators(real)
        fake_scores, _ = self.discriminators(fake)
        loss = discriminator_loss(real_scores, fake_scores)
        self.log("train/discriminator", loss, prog_bar=True)
        self._descend(1, self.discriminators, loss)

    def _adversarial(self, real: Tensor, fake: Tensor) -> Tensor:
        assert self.discriminators is not None and self.config.adversarial is not None
        self.discriminators.requires_grad_(False)
        fake_scores, fake_features = self.discriminators(fake)
        with torch.no_grad():
            _, real_features = self.discriminators(real)
        self.discriminators.requires_grad_(True)
        fooling, matching = generator_loss(fake_scores), feature_matching_loss(real_features, fake_features)
        self.log_dict({"train/generator": fooling, "train/features": matching}, prog_bar=True)
        return fooling + self.config.adversarial.feature_weight * matching

    def _descend(self, index: int, side: torch.nn.Module, loss: Tensor) -> None:
        optimisers, schedulers = self.optimizers(), self.lr_schedulers()
        optimiser = optimisers[index] if isinstance(optimisers, list) else optimisers
        scheduler = schedulers[index] if isinstance(schedulers, list) else schedulers
        optimiser.zero_grad()
        self.manual_backward(loss)
        torch.nn.utils.clip_grad_norm_(side.parameters(), self.config.optimiser.gradient_clip)
        optimiser.step()
        scheduler.step()  # type: ignore[union-attr]

    # -- validation and checkpoints -------------------------------------------------------------------------------

    def validation_step(self, samples: Tensor, batch_idx: int) -> None:
        frames = self.model.encode(samples)
        copy = self.model(frames)[:, : samples.shape[-1]]
        samples = F.pad(samples, (0, max(0, copy.shape[-1] - samples.shape[-1])))[:, : copy.shape[-1]]
        self.log("val/loss", self.spectral(copy, samples), batch_size=1)
        again = self.model.encode(copy)
        self.log("val/mel_l1", F.l1_loss(again, frames[:, : again.shape[1]]), batch_size=1)
        if batch_idx == 0:
            pictures.log_mels(self, "mel", {"recording": frames[0], "copy": again[0]})
            pictures.log_audio(self, {"recording": samples[0], "copy": copy[0]}, self.model.format.sample_rate)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["step"] = self.step

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["step"]
