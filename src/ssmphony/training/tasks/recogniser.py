"""Train the recogniser that evaluates voices: CTC over phones and characters, on augmented clips."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ssmphony.alignment.ctc import ctc_loss, edits, greedy
from ssmphony.alignment.recogniser import (
    Recogniser,
    RecogniserConfig,
    Scores,
)
from ssmphony.config import Config
from ssmphony.data.dataset import Utterances
from ssmphony.data.features.registry import Needs
from ssmphony.data.selection import select
from ssmphony.training.config import VoiceConfig
from ssmphony.training.text_task import TextTask, TextTaskConfig
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import MelFormat

LONGEST_TIME, LONGEST_BAND = 12, 10
"""Frames and bands of the longest mask."""


class Augmentation(Config):
    """How clips are changed, so that a voice need not sound like the training recordings to be recognised."""

    pace: float = 0.15
    """Time is stretched by up to this share."""
    formants: float = 0.10
    """The mel axis is stretched by up to this share."""
    tilt: float = 0.8
    """Size of a smooth random spectrum that is added, in log units."""
    noise: float = 4.0
    """Noise is added at up to this many log units below the mean of the clip."""
    time_masks: int = 3
    """Stretches of frames that are replaced by the mean (SpecAugment, arXiv 1904.08779)."""
    band_masks: int = 2
    """Stretches of bands that are replaced by the mean."""


class RecogniserTaskConfig(TextTaskConfig):
    """Trains a recogniser of phones and characters."""

    kind: Literal["recogniser"] = "recogniser"
    recogniser: RecogniserConfig = RecogniserConfig()
    augmentation: Augmentation = Augmentation()
    format: MelFormat = MelFormat()
    """The log-mel that it reads."""
    characters_weight: float = 0.5
    """Weight of the loss over characters against that over phones."""
    batch_size: int = Field(default=24, ge=1)
    """Most clips of a batch."""

    def build(self, voice: VoiceConfig, seed: int) -> RecogniserTask:
        """Of the voice block only the frontend is used. Raises `SsmphonyError` for a missing corpus."""
        speakers = {clip.speaker for clips in select((*self.corpora, *self.validation)) for clip in clips}
        return RecogniserTask(self, voice.frontend_symbols(), tuple(sorted(speakers)), seed)


class RecogniserBatch(NamedTuple):
    """mels (batch, frame, n_mels), mask (batch, frame); classes of each clip, from 1."""

    mels: Tensor
    mask: Tensor
    phones: list[Tensor]
    characters: list[Tensor]


class RecogniserTask(TextTask[Recogniser, None]):
    """Train `Recogniser`; ``val/phone_error`` and ``val/character_error`` are of the greedy decoding."""

    def __init__(
        self, config: RecogniserTaskConfig, symbols: tuple[str, ...], speakers: tuple[str, ...], seed: int
    ) -> None:
        voice = VoiceModule(config.recogniser.build(), None, "model")
        super().__init__(config, voice, symbols, speakers, Needs.of_mel(config.format, ("mel",)), seed)
        self.config = config

    def make_batch(self, utterances: Utterances, indices: list[int], number: int = 0) -> RecogniserBatch:
        batch, alphabet = utterances.batch(indices, number), self.model.alphabet
        clips = [utterances.clips[index] for index in indices]
        phones = [torch.tensor(alphabet.phone_classes(clip.symbols or ())) for clip in clips]
        characters = [torch.tensor(alphabet.character_classes(clip.text)) for clip in clips]
        return RecogniserBatch(batch.mels, batch.frame_mask, phones, characters)

    def training_step(self, batch: RecogniserBatch, batch_idx: int) -> None:
        self.begin_step()
        mels, mask = augment(batch.mels, batch.mask, self.config.augmentation)
        losses = self.losses(self.model(mels, mask), batch)
        self.descend(losses["loss"])
        self.log_losses("train", losses, len(batch.phones))
        self.end_step()

    def losses(self, scores: Scores, batch: RecogniserBatch) -> dict[str, Tensor]:
        lengths = scores.mask.sum(1)
        phones = ctc_loss(scores.phones, lengths, batch.phones)
        characters = ctc_loss(scores.characters, lengths, batch.characters)
        loss = phones + self.config.characters_weight * characters
        return {"loss": loss, "phones": phones, "characters": characters}

    def validation_step(self, batch: RecogniserBatch, batch_idx: int) -> None:
        scores = self.model(batch.mels, batch.mask)
        losses = self.losses(scores, batch)
        losses["phone_error"] = _error(scores.phones[0], batch.phones[0])
        losses["character_error"] = _error(scores.characters[0], batch.characters[0])
        self.log_losses("val", losses, batch_size=1)


def augment(mels: Tensor, mask: Tensor, how: Augmentation) -> tuple[Tensor, Tensor]:
    """Change the voice, speed and room of every clip of a batch, at random by PyTorch's generator."""
    pace = 1.0 + how.pace * _around()
    bands = mels.shape[2]
    warped = round(bands * (1.0 + how.formants * _around()))
    size = (max(2, round(mels.shape[1] * pace)), warped)
    moved = F.interpolate(mels[:, None], size=size, mode="bilinear", align_corners=False)[:, 0]
    moved = F.pad(moved, (0, max(0, bands - warped)), mode="replicate")[..., :bands]
    mask = F.interpolate(mask[:, None].float(), size=moved.shape[1], mode="nearest")[:, 0] > 0.5

    angle = torch.linspace(0.0, torch.pi, bands)
    waves = torch.stack([torch.cos(k * angle) for k in range(1, 4)])
    moved = moved + (0.5 * how.tilt * torch.randn(len(moved), 3) @ waves)[:, None]
    loudness = moved.mean((1, 2), keepdim=True)
    noise = loudness - how.noise * (torch.rand(len(moved), 1, 1) - 0.3) + 0.4 * torch.randn_like(moved)
    moved = torch.where(torch.rand(len(moved), 1, 1) < 0.5, torch.logaddexp(moved, noise), moved)
    return _blank(moved, how), mask


def _around() -> float:
    """A random number between -1 and 1."""
    return 2.0 * float(torch.rand(())) - 1.0


def _blank(mels: Tensor, how: Augmentation) -> Tensor:
    """Replace stretches of time and of bands by the mean of their clip (SpecAugment)."""
    blanked = mels.clone()
    means = mels.mean((1, 2))
    for row, mean in enumerate(means):
        for axis, longest, count in ((0, LONGEST_TIME, how.time_masks), (1, LONGEST_BAND, how.band_masks)):
            for _ in range(count):
                width = int(torch.randint(longest + 1, ()))
                start = int(torch.randint(max(1, mels.shape[1 + axis] - width), ()))
                blanked[row].narrow(axis, start, min(width, mels.shape[1 + axis] - start)).fill_(float(mean))
    return blanked


def _error(scores: Tensor, target: Tensor) -> Tensor:
    """Edit distance of the greedy decoding of one clip per class of its target; scores (step, class)."""
    return torch.tensor(edits(greedy(scores.detach().numpy()), target.tolist()).total / max(1, len(target)))
