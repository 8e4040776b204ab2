"""Train a codec that decodes log-mel frames: spectral losses first, adversarial ones when they are switched on."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ssmphony.codecs.mel_vocoder import MelVocoder
from ssmphony.config import Config
from ssmphony.data.crops import AudioCrops, CropSource
from ssmphony.data.prepared import read_samples
from ssmphony.data.selection import select
from ssmphony.export.weights import Part
from ssmphony.training import pictures
from ssmphony.training.adversary import AdversarialTask
from ssmphony.training.config import VoiceConfig
from ssmphony.training.discriminators import Discriminators
from ssmphony.training.losses import MultiScaleMelLoss, masked_mean
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.types import SsmphonyError

PERIODS = (2, 3, 5, 7, 11)


class AdversarialConfig(Config):
    """``samples`` is the length of the crop the discriminators see; ``width`` 32 is the published size.

    Before ``start_step`` the spectral loss trains alone; afterwards it weighs ``mel_weight`` against the generator's
    loss, and feature matching ``feature_weight``; the defaults are those of HiFi-GAN (arXiv 2010.05646). ``periods``
    and ``windows`` choose the discriminators.
    """

    width: int = Field(default=8, ge=1)
    samples: int = Field(default=8192, ge=2048)
    start_step: int = Field(default=0, ge=0)
    mel_weight: float = 45.0
    feature_weight: float = 2.0
    periods: tuple[int, ...] = PERIODS
    windows: tuple[int, ...] = (2048, 1024, 512)


class CodecTaskConfig(Config):
    """``frames`` is the length of a training crop. ``validation`` is a prepared corpus, ``validation_ids`` a file of
    the ids of its clips to validate on; without the file all are taken, without ``validation`` none. ``pitch_weight``:
    of the error of a harmonic vocoder's pitch, in octaves, where the recording has one."""

    kind: Literal["codec"] = "codec"
    sources: tuple[CropSource, ...]
    validation: str | None = None
    validation_ids: str | None = None
    batch_size: int = Field(default=16, ge=1)
    frames: int = Field(default=64, ge=16)
    pitch_weight: float = 1.0
    optimiser: OptimiserConfig = OptimiserConfig()
    adversarial: AdversarialConfig | None = None

    def build(self, voice: VoiceConfig, seed: int) -> CodecTask:
        """Raises `SsmphonyError` when a corpus is missing, or the codec of the voice block has nothing to train."""
        codec = voice.codec_settings().build()
        if not isinstance(codec, MelVocoder):
            raise SsmphonyError(
                f"a codec of kind '{voice.codec['kind']}' is not trained: try voice.codec.kind=mel_vocoder"
            )
        task = CodecTask(self, codec, seed)
        task.crops.batch(0, 1)  # reads all sound, so that what is missing is found now
        return task


class CodecTask(AdversarialTask[MelVocoder]):
    """Train `MelVocoder`."""

    part: Part = "codec"

    def __init__(self, config: CodecTaskConfig, model: MelVocoder, seed: int) -> None:
        super().__init__(config.optimiser, seed)
        self.config = config
        self.model = model
        self.spectral = MultiScaleMelLoss(model.format.sample_rate)
        if config.adversarial:
            family = config.adversarial
            self.discriminators = Discriminators(family.width, family.periods, family.windows)
        self.crops = AudioCrops(config.sources, config.frames, seed, model.format, pitch=model.config.harmonic)
        self.held_out = _read_clips(config.validation, config.validation_ids, model.format.sample_rate)

    def training_batch(self, number: int) -> list[Tensor]:
        return [torch.from_numpy(array) for array in self.crops.batch(number, self.config.batch_size)]

    def validation_batches(self) -> list[Tensor]:
        return self.held_out

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.begin_step()
        with self._full_precision():
            prediction, target, pitch_loss = self._synthesise(*batch)
            spectral = self.spectral(prediction, target)
        losses = {"spectral": spectral}
        loss = spectral
        adversarial = self.config.adversarial
        if self.discriminators is not None and adversarial and self.step >= adversarial.start_step:
            crop = self._crop(prediction.shape[-1], adversarial.samples)
            losses |= self.compete(self.discriminators, self.discriminators, target[:, crop], prediction[:, crop])
            loss = loss * adversarial.mel_weight + losses["generator"] + adversarial.feature_weight * losses["features"]
        if pitch_loss is not None:
            losses["pitch"] = pitch_loss
            loss = loss + self.config.pitch_weight * pitch_loss
        self.descend(loss)
        self.log_losses("train", {name: value.detach() for name, value in losses.items()}, len(batch[0]))
        self.end_step()

    def _synthesise(
        self, samples: Tensor, frames: Tensor, made: Tensor, pitch: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Decode a crop's frames, with the error of the pitch; the first and last two hops lack frames that were cut
        away, so they are left out."""
        own = self.model.encode(samples)[:, : self.config.frames]
        frames = torch.where(made[:, None, None], frames, own)
        edge = 2 * self.model.format.hop_length
        copy, heard = self.model.render(frames)
        error = None
        if heard is not None:
            error = masked_mean((heard / pitch.clamp(min=1.0)).log2().abs(), pitch > 0)
        return copy[:, edge:-edge], samples[:, edge:-edge], error

    def _crop(self, available: int, wanted: int) -> slice:
        start = int(torch.randint(max(1, available - wanted), ()))
        return slice(start, start + wanted)

    def _full_precision(self) -> torch.autocast:
        """Mixed precision is for the discriminators, which cost the most: phases and logarithms need float32."""
        return torch.autocast(self.device.type, enabled=False)

    def validation_step(self, samples: Tensor, batch_idx: int) -> None:
        with self._full_precision():
            frames = self.model.encode(samples)
            copy = self.model(frames)[:, : samples.shape[-1]]
            samples = F.pad(samples, (0, max(0, copy.shape[-1] - samples.shape[-1])))[:, : copy.shape[-1]]
            again = self.model.encode(copy)
            losses = {
                "loss": self.spectral(copy, samples),
                "mel_l1": F.l1_loss(again, frames[:, : again.shape[1]]),
            }
        self.log_losses("val", losses, batch_size=1)
        if batch_idx == 0:
            pictures.log_mels(self, "mel", {"recording": frames[0], "copy": again[0]})
            pictures.log_audio(self, {"recording": samples[0], "copy": copy[0]}, self.model.format.sample_rate)


def _read_clips(path: str | None, ids: str | None, rate: int) -> list[Tensor]:
    """Clips of a prepared corpus, each (1, n) samples; those that the file ``ids`` names, where one is given."""
    if path is None:
        if ids is not None:
            raise SsmphonyError("task.validation_ids names clips of task.validation, which is missing: name the corpus")
        return []
    (clips,) = select([CropSource(path=path, only=ids)])
    return [torch.from_numpy(read_samples(Path(path) / clip.audio, rate)[None]) for clip in clips]
