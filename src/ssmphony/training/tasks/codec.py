"""Train a codec on recordings: spectral losses first, adversarial ones when they are switched on."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ssmphony.codecs.codec import LOG_MEL, Rendering, TrainableCodec
from ssmphony.config import Config
from ssmphony.data.crops import AudioCrops, CropSource
from ssmphony.data.features.feature import Source
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.data.selection import select
from ssmphony.training import pictures
from ssmphony.training.config import VoiceConfig
from ssmphony.training.discriminators import AdversarialConfig
from ssmphony.training.lewm_losses import sigreg, spectrum
from ssmphony.training.losses import MultiScaleMelLoss
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.task import Task
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import FrameGrid, MelFormat, SsmphonyError


class CodecTaskConfig(Config):
    """Trains a codec that encodes recordings and decodes them again. Of the voice block only the codec is used."""

    kind: Literal["codec"] = "codec"
    sources: tuple[CropSource, ...]
    """Prepared corpora to train on."""
    validation: str | None = None
    """A prepared corpus to validate on."""
    validation_ids: str | None = None
    """A file of the ids of those of its clips that are taken; without it, all are."""
    batch_size: int = Field(default=16, ge=1)
    """Crops of a batch."""
    frames: int = Field(default=64, ge=16)
    """Length of a crop."""
    pitch_weight: float = 1.0
    """Weight of the error of the pitch, where the codec predicts one and the recording has one: in octaves, or
    cross-entropies of pitch and voicing."""
    given_pitch_steps: int = Field(default=0, ge=0)
    """So long a codec that can be given the pitch decodes with the recordings', and learns to predict it meanwhile."""
    wave_weight: float = Field(default=0.0, ge=0.0)
    """Weight of the L1 distance of the samples, for codecs that keep the phase."""
    bottleneck_weight: float = Field(default=0.0, ge=0.0)
    """Weight of what the frames cost: a VAE's divergence in nats a number, or SIGReg's distance from a normal."""
    bottleneck_warmup: int = Field(default=0, ge=0)
    """Steps in which that weight rises from 0."""
    sigreg_directions: int = Field(default=64, ge=1)
    """Of latents with ``bottleneck: sigreg``."""
    optimiser: OptimiserConfig = OptimiserConfig()
    adversarial: AdversarialConfig | None = None

    def build(self, voice: VoiceConfig, seed: int) -> CodecTask:
        """Raises `SsmphonyError` when a corpus is missing, or the codec of the voice block has nothing to train."""
        settings = voice.codec_settings()
        codec = settings.build()
        if not isinstance(codec, TrainableCodec):
            raise SsmphonyError(
                f"a codec of kind '{settings.kind}' is not trained on recordings alone: choose mel_vocoder"
            )
        log_mel = settings.frames == LOG_MEL
        if not log_mel and any(source.mels for source in self.sources):
            raise SsmphonyError(f"task.sources: mels are for codecs of log-mel, not for '{settings.kind}'")
        task = CodecTask(self, codec, settings.format if log_mel else codec.pitch_grid or codec.grid, seed)
        task.crops.batch(0, 1)  # reads all sound, so that what is missing is found now
        return task


class CodecTask(Task[None, TrainableCodec]):
    """Train a codec, apart from any model."""

    def __init__(self, config: CodecTaskConfig, codec: TrainableCodec, audio: MelFormat | FrameGrid, seed: int) -> None:
        """``audio``: what frames are, log-mel or any others; the pitch comes on its grid."""
        super().__init__(
            VoiceModule(None, codec, "codec"),
            config.optimiser,
            seed,
            discriminators=None if config.adversarial is None else config.adversarial.build(),
        )
        self.config = config
        self.spectral = MultiScaleMelLoss(codec.grid.sample_rate)
        pieces = codec.grid.hop_length // audio.hop_length
        self.crops = AudioCrops(config.sources, config.frames * pieces, seed, audio, codec.pitch_place)
        self.held_out = _read_clips(config.validation, config.validation_ids, codec.grid.sample_rate)
        self.latents = isinstance(audio, FrameGrid) and not codec.grid.codebooks
        self._seen: list[Tensor] = []

    def training_batch(self, number: int) -> list[Tensor]:
        return [torch.from_numpy(array) for array in self.crops.batch(number, self.config.batch_size)]

    def validation_batches(self) -> list[Tensor]:
        return self.held_out

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.begin_step()
        samples, frames, given, pitch = batch
        rendering, target, costs = self.copy(samples, frames, given, pitch)
        with self._full_precision():
            prediction = rendering.samples
            losses = {"spectral": self.spectral(prediction, target)}
            pitch_losses = {} if rendering.pitch_losses is None else rendering.pitch_losses(pitch)
        loss, adversarial = losses["spectral"], self.config.adversarial
        if self.discriminators is not None and adversarial and self.step >= adversarial.start_step:
            crop = self._crop(prediction.shape[-1], adversarial.samples)
            losses |= self.compete(self.discriminators, self.discriminators, target[:, crop], prediction[:, crop])
            loss = loss * adversarial.mel_weight + losses["generator"] + adversarial.feature_weight * losses["features"]
        if self.config.wave_weight:
            losses["wave"] = F.l1_loss(prediction, target)
            loss = loss + self.config.wave_weight * losses["wave"]
        for value in pitch_losses.values():
            loss = loss + self.config.pitch_weight * value
        for value in costs.values():
            loss = loss + self.bottleneck_weight() * value
        self.descend(loss)
        self.log_losses("train", losses | pitch_losses | costs, len(samples))
        self.end_step()

    def bottleneck_weight(self) -> float:
        """At this step."""
        warmup = self.config.bottleneck_warmup
        return self.config.bottleneck_weight * (min(1.0, self.step / warmup) if warmup else 1.0)

    def copy(
        self, samples: Tensor, frames: Tensor, given: Tensor, pitch: Tensor
    ) -> tuple[Rendering, Tensor, dict[str, Tensor]]:
        """Decode a crop's frames, its own or those ``given``; the recording; and what the frames cost.

        The first and last two hops lack frames that were cut away, so they are left out of the sound.
        """
        known = pitch if self.step < self.config.given_pitch_steps else None
        with self._full_precision():
            own, costs = self.codec.analyse_with_losses(samples)
            if self.codec.sigreg:
                costs = {"sigreg": sigreg(own.flatten(0, 1), self.config.sigreg_directions) / own[..., 0].numel()}
            own = own[:, : self.config.frames]
            frames = torch.where(given[:, None, None], frames, own) if bool(given.any()) else own
        with nullcontext() if self.codec.mixed_precision else self._full_precision():
            rendering = self.codec.render(frames, known)
        edge = 2 * self.codec.grid.hop_length
        return rendering._replace(samples=rendering.samples[:, edge:-edge]), samples[:, edge:-edge], costs

    def _crop(self, available: int, wanted: int) -> slice:
        start = int(torch.randint(max(1, available - wanted), ()))
        return slice(start, start + wanted)

    def _full_precision(self) -> torch.autocast:
        """Mixed precision is for discriminators, and for codecs that allow it: phases and logarithms need float32."""
        return torch.autocast(self.device.type, enabled=False)

    def on_validation_epoch_start(self) -> None:
        self._seen = []

    def validation_step(self, samples: Tensor, batch_idx: int) -> None:
        with self._full_precision():
            frames = self.codec.analyse(samples)
            copy = self.codec.render(frames).samples[:, : samples.shape[-1]]
            samples = F.pad(samples, (0, max(0, copy.shape[-1] - samples.shape[-1])))[:, : copy.shape[-1]]
            again = self.codec.analyse(copy)
            losses = {
                "loss": self.spectral(copy, samples),
                "frames_l1": F.l1_loss(again, frames[:, : again.shape[1]]),
            }
        self.log_losses("val", losses, batch_size=1)
        if self.latents:
            self._seen.append(frames[0])
        if batch_idx == 0:
            pictures.log_mels(self, "mel", {"recording": frames[0], "copy": again[0]})
            pictures.log_audio(self, {"recording": samples[0], "copy": copy[0]}, self.codec.grid.sample_rate)

    def on_validation_epoch_end(self) -> None:
        """Variance and effective rank of the latents; a rank far below their channels is a collapse."""
        if self._seen:
            variances, rank = spectrum(torch.cat(self._seen))
            self.log_losses("val", {"latent_variance": variances.mean(), "latent_rank": rank}, batch_size=1)
        self._seen = []


def _read_clips(path: str | None, ids: str | None, rate: int) -> list[Tensor]:
    """Clips of a prepared corpus, each (1, n) samples; those that the file ``ids`` names, where one is given."""
    if path is None:
        if ids is not None:
            raise SsmphonyError("task.validation_ids names clips of task.validation, which is missing: name the corpus")
        return []
    (clips,) = select([CropSource(path=path, only=ids)])
    sound = SamplesFeature(rate)
    return [torch.from_numpy(sound.read(Source(Path(path), clip))[None]) for clip in clips]
