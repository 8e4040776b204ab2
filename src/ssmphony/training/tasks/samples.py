"""Train a model that writes samples: SaShiMi, or what it is compared with, by the likelihood of mu-law codes."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ssmphony.audio.mel import log_mel
from ssmphony.audio.mu_law import SILENCE, decode
from ssmphony.config import Config, choose, parse
from ssmphony.data.code_clips import ClipSource, CodeBatch, CodeClips
from ssmphony.models.sample_models import SAMPLE_MODELS
from ssmphony.models.samples import SampleModel
from ssmphony.models.sashimi import BANDS, Sashimi
from ssmphony.training.config import VoiceConfig
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.task import Task
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import MelFormat

_LOG_FLOOR = 0.02
"""Of the magnitudes of foreseen spectra: what is softer is silence."""


class SamplesTaskConfig(Config):
    """Nothing of the voice block is used: there is no text and no codec."""

    kind: Literal["samples"] = "samples"
    model: dict[str, Any]
    """``kind`` is one of `ssmphony.models.sample_models.SAMPLE_MODELS`; the other keys are its config."""
    sources: tuple[ClipSource, ...]
    """Prepared corpora of short clips. Where the model has classes, the texts of the clips are theirs."""
    held_out: tuple[str, ...]
    """Speakers on whom it is validated; blends in which they have a part are held out, too."""
    longest_s: float = Field(default=1.0, gt=0.0)
    """Longer clips are cut."""
    silence_s: float = Field(default=0.05, ge=0.0)
    """So much silence after a clip is learned, as its end. It does not count in ``val/bits``."""
    unconditional_share: float = Field(default=0.1, ge=0.0, le=1.0)
    """Share of rows whose class is hidden, so that the model also writes any class."""
    ahead_weight: float = Field(default=1.0, ge=0.0)
    """Of the distance of the spectra that are foreseen, where the model has ``ahead_s``."""
    batch_size: int = Field(default=16, ge=1)
    """Clips of a batch, which are of similar lengths."""
    validation_clips: int = Field(default=256, ge=1)
    """Held-out clips that are read, at most."""
    optimiser: OptimiserConfig = OptimiserConfig(lr=4e-3, betas=(0.9, 0.98))

    def build(self, voice: VoiceConfig, seed: int) -> SamplesTask:
        """Raises `SsmphonyError` for a missing corpus, and for a speaker who is not in it."""
        model = parse(choose(SAMPLE_MODELS, str(self.model.get("kind")), "model"), self.model, "task.model")
        return SamplesTask(self, model.build(), seed)


class SamplesTask(Task[SampleModel, None]):
    """``train/bits`` and ``val/bits`` are bits a sample; ``val/unigram_bits`` is what the frequency of codes gives, and
    ``val/class_gain`` what knowing the class saves."""

    def __init__(self, config: SamplesTaskConfig, model: SampleModel, seed: int) -> None:
        super().__init__(VoiceModule(model, None, "model"), config.optimiser, seed)
        self.config = config
        rate = model.config.sample_rate
        self.silence = round(config.silence_s * rate)
        self.clips = CodeClips(config.sources, rate, model.config.classes, round(config.longest_s * rate))
        self.training_clips, self.held_out = self.clips.split(config.held_out)
        self.unigram_bits = self.clips.unigram_bits(self.held_out)

    def training_batch(self, number: int) -> list[Tensor]:
        clips = self.clips.draw(self.training_clips, self.config.batch_size, self.seed, number)
        return _tensors(self.clips.batch(clips, self.silence))

    def validation_batches(self) -> list[list[Tensor]]:
        every = max(1, len(self.held_out) // self.config.validation_clips)
        chosen = sorted(self.held_out[::every], key=lambda index: len(self.clips.codes[index]))
        size = self.config.batch_size
        groups = (chosen[start : start + size] for start in range(0, len(chosen), size))
        return [_tensors(self.clips.batch(group)) for group in groups]

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.begin_step()
        codes, labels, lengths = batch
        hidden = torch.rand(len(labels), device=labels.device) < self.config.unconditional_share
        labels = labels.masked_fill(hidden, 0)
        losses: dict[str, Tensor] = {}
        if isinstance(self.model, Sashimi) and self.model.ahead is not None:
            logits, spectra = self.model.foresee(codes, labels)
            losses["ahead"] = self.distance(spectra, codes)
        else:
            logits = self.model(codes, labels)
        losses["bits"] = _bits(logits, codes, lengths + self.silence)
        self.descend(losses["bits"] * math.log(2.0) + self.config.ahead_weight * losses.get("ahead", 0.0))
        self.log_losses("train", losses, len(codes))
        self.end_step()

    def distance(self, spectra: Tensor, codes: Tensor) -> Tensor:
        """Mean L1 between foreseen spectra (batch, step, horizon, band) and those of ``codes``, silence after them."""
        assert isinstance(self.model, Sashimi)
        settings, frame = self.model.config, self.model.frame
        places = [round(ahead * settings.sample_rate / frame) for ahead in settings.ahead_s]
        grid = MelFormat(settings.sample_rate, 16 * frame, frame, BANDS, 0.0, settings.sample_rate / 2, _LOG_FLOOR)
        silence = np.full(frame * (spectra.shape[1] + max(places) + 1), SILENCE)
        rows = [log_mel(decode(np.concatenate([row, silence])), grid) for row in codes.numpy(force=True)]
        known = torch.from_numpy(np.stack(rows)).to(spectra.device)
        # step j knows (j + 1) frames; frame k of the spectrogram is centred at their beginning
        target = torch.stack([known[:, 1 + place :][:, : spectra.shape[1]] for place in places], dim=2)
        return F.l1_loss(spectra, target)

    def bits(self, codes: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        """Mean over all samples of the clips, whose batch may end in padding."""
        return _bits(self.model(codes, labels), codes, lengths)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        codes, labels, lengths = batch
        bits = self.bits(codes, labels, lengths)
        # Lightning averages over batches by their size: that of a batch here is its samples
        figures = {"loss": bits, "bits": bits, "unigram_bits": torch.tensor(self.unigram_bits)}
        if self.model.condition is not None:
            figures["class_gain"] = self.bits(codes, torch.zeros_like(labels), lengths) - bits
        self.log_losses("val", figures, batch_size=int(lengths.sum()))


def _tensors(batch: CodeBatch) -> list[Tensor]:
    return [torch.from_numpy(part) for part in batch]


def _bits(logits: Tensor, codes: Tensor, lengths: Tensor) -> Tensor:
    nats = F.cross_entropy(logits.flatten(0, 1), codes.flatten(), reduction="none").view_as(codes)
    mask = torch.arange(codes.shape[1], device=codes.device) < lengths[:, None]
    return (nats * mask).sum() / mask.sum() / math.log(2.0)
