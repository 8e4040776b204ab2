"""Train SMamba: a variational autoencoder with a flow, on clips with known times or aligned by its own prior."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import Field, field_validator
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from ssmphony.audio.frame_features import PITCH_UNIT_HZ
from ssmphony.codecs.log_mel import LogMel
from ssmphony.codecs.smamba import SMambaCodec, SMambaCodecConfig
from ssmphony.config import Config
from ssmphony.data.dataset import Batch, Utterances
from ssmphony.data.features.feature import Source
from ssmphony.data.features.registry import Needs
from ssmphony.data.manifest import Clip
from ssmphony.data.selection import SelectedCorpus, select
from ssmphony.data.speaker_pairs import SpeakerPairs
from ssmphony.models.parallel import expand_tokens
from ssmphony.models.s4_spectrum import FIRST_PITCH_HZ
from ssmphony.models.smamba import SMamba, SMambaConfig
from ssmphony.nn.gather import take
from ssmphony.ssm.masking import hide
from ssmphony.training import pictures
from ssmphony.training.config import VoiceConfig
from ssmphony.training.crops import sound_crops
from ssmphony.training.discriminators import AdversarialConfig
from ssmphony.training.losses import MultiScaleMelLoss, masked_mean
from ssmphony.training.smamba_losses import (
    aligned_durations,
    contrast,
    divergence,
    duration_loss,
    frame_mask_of,
    style_distance,
    teacher_styles,
    warmed,
)
from ssmphony.training.text_task import TextTask, TextTaskConfig
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import SsmphonyError

SHOWN = 2
"""Validation clips that are drawn and logged as audio."""
PAIRS = "pairs"
"""The feature of a batch that holds stretches of several speakers, (2, speaker, sample)."""


class SMambaWeights(Config):
    """What each loss weighs; 0 switches it off."""

    spectral: float = Field(default=1.0, ge=0.0)
    """L1 distance of log-mel spectrograms at several scales."""
    kl: float = Field(default=1.0, ge=0.0)
    """Divergence of the posterior from the prior, in nats a frame and channel."""
    duration: float = Field(default=0.5, ge=0.0)
    """L1 distance of log durations; of drawn ones, minus the log likelihood."""
    pitch: float = Field(default=0.5, ge=0.0)
    """L1 distance of the pitch in octaves, where the speech is voiced."""
    voicing: float = Field(default=0.3, ge=0.0)
    """Cross-entropy of voicing."""
    table: float = Field(default=1.0, ge=0.0)
    """Squared distance of a speaker's row of the table to the style of its clips; trains the row alone."""
    speaker: float = Field(default=0.1, ge=0.0)
    """Cross-entropy of finding a speaker among others by its style, on the clips of ``speakers``."""
    consistency: float = Field(default=0.0, ge=0.0)
    """1 - cosine of the style of the sound that was made and the style that it was made with: the speaker consistency
    loss of YourTTS (Casanova et al., arXiv 2112.02418), by the style encoder, which it does not train."""
    teacher_style: float = Field(default=0.0, ge=0.0)
    """Squared distance of the style to the teacher's own vector of the voice, of ``teacher_voices``."""


class SpeakerCorpus(SelectedCorpus):
    """A prepared corpus of several speakers."""

    speaker_of: str | None = None
    """A regular expression whose first group, in the id of a clip, is its speaker; None: the manifest says it."""

    @field_validator("speaker_of")
    @classmethod
    def _has_a_group(cls, value: str | None) -> str | None:
        try:
            groups = 1 if value is None else re.compile(value).groups
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from None
        if not groups:
            raise ValueError("its first group must be the speaker: put parentheses around it")
        return value

    def sources(self, clips: Sequence[Clip]) -> list[Source]:
        """Clips of the corpus by their speakers. Raises `SsmphonyError` for a clip whose id does not tell."""
        return [Source(Path(self.path), replace(clip, speaker=self._speaker(clip))) for clip in clips]

    def _speaker(self, clip: Clip) -> str:
        if self.speaker_of is None:
            return clip.speaker
        if (found := re.search(self.speaker_of, clip.id)) is None:
            raise SsmphonyError(f"{self.path}: speaker_of '{self.speaker_of}' finds no speaker in the id {clip.id}")
        return found.group(1)


class SpeakersConfig(Config):
    """Recordings of many people, with or without texts, on which the style encoder learns to tell speakers apart."""

    corpora: tuple[SpeakerCorpus, ...]
    count: int = Field(default=16, ge=2)
    """Speakers of a step."""
    seconds: float = Field(default=2.0, gt=0.0)
    """Length of the two stretches of each."""


class SMambaTaskConfig(TextTaskConfig):
    """Trains `SMamba` with its codec."""

    kind: Literal["smamba"] = "smamba"
    alignment: Literal["known", "search"] = "known"
    """``known``: the times of the corpora where they are those of all phones, and monotonic search elsewhere.
    ``search``: everywhere, held by the times of words where those are known."""
    anchor_tolerance: float = Field(default=4.0, ge=0.0)
    """Frames by which a searched path may leave the known time of a word."""
    crop: int = Field(default=64, ge=16)
    """Frames of each clip of which sound is made in a step."""
    weights: SMambaWeights = SMambaWeights()
    kl_warmup: int = Field(default=0, ge=0)
    """Steps in which the weight of the divergence rises from 0."""
    spoken: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of the clips whose sound and pitch are made from the text in the recording's timing, as when the voice
    speaks, in place of the recording's own latents. VITS has none; both directions are trained in NaturalSpeech (Tan et
    al., arXiv 2205.04421)."""
    reference_s: float = Field(default=3.0, gt=0.0)
    """Length of the reference, a stretch of another clip of the speaker."""
    style_dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the clips of named speakers that are spoken with their row of the table in place of a reference."""
    speakers: SpeakersConfig | None = None
    """Of the loss ``speaker``."""
    teacher_voices: str | None = None
    """The folder of the teacher's voices, of the loss ``teacher_style``."""
    adversarial: AdversarialConfig | None = None
    """Discriminators of the sound."""

    def build(self, voice: VoiceConfig, seed: int) -> SMambaTask:
        """Raises `SsmphonyError` when a corpus is missing, or does not fit the voice block."""
        symbols = voice.frontend_symbols()
        model, codec = voice.model_settings(n_symbols=len(symbols)), voice.codec_settings()
        if not isinstance(model, SMambaConfig) or not isinstance(codec, SMambaCodecConfig):
            raise SsmphonyError("task.kind smamba trains voice.model.kind smamba with voice.codec.kind smamba")
        for name in ("d_latent", "d_style", "n_fft", "hop_length"):
            if getattr(model, name) != getattr(codec, name):
                raise SsmphonyError(f"voice.model.{name} must equal voice.codec.{name}")
        if model.reference.sample_rate != codec.sample_rate:
            raise SsmphonyError("voice.model.reference.sample_rate must equal voice.codec.sample_rate")
        if self.weights.teacher_style and self.teacher_voices is None:
            raise SsmphonyError("task.weights.teacher_style needs task.teacher_voices, the folder of the voices")
        return SMambaTask(self, model.build(), codec.build(), symbols, seed)


class Pass(NamedTuple):
    """What the model says of a batch, with teacher forcing."""

    style: Tensor
    """(batch, d_style)."""
    latents: Tensor
    """(batch, frame, d_latent)."""
    durations: Tensor
    """(batch, token), in frames."""
    losses: dict[str, Tensor]
    """By the names of `SMambaWeights`; all but those of the sound."""


class SMambaTask(TextTask[SMamba, SMambaCodec]):
    """Train `SMamba` and `SMambaCodec`."""

    def __init__(
        self, config: SMambaTaskConfig, model: SMamba, codec: SMambaCodec, symbols: tuple[str, ...], seed: int
    ) -> None:
        names = config.speaker_names(model.speaker_names)
        features = ("samples", "known_durations", "f0", "reference")
        super().__init__(
            config,
            VoiceModule(model, codec, "both"),
            symbols,
            names,
            Needs(features, codec.grid, reference_s=config.reference_s, seed=seed),
            seed,
            discriminators=None if config.adversarial is None else config.adversarial.build(),
        )
        self.config = config
        self.spectral = MultiScaleMelLoss(codec.grid.sample_rate)
        self.reference_mel = LogMel(model.config.reference)
        self.pairs = self._pairs(codec.grid.sample_rate)
        self.register_buffer("targets", self._teacher_styles(names), persistent=False)
        if config.weights.teacher_style and self.targets.shape[1] != model.config.d_style:
            raise SsmphonyError(f"task.weights.teacher_style needs voice.model.d_style {self.targets.shape[1]}")

    targets: Tensor

    def _pairs(self, sample_rate: int) -> SpeakerPairs | None:
        speakers = self.config.speakers
        if speakers is None or not self.config.weights.speaker:
            return None
        chosen = zip(speakers.corpora, select(speakers.corpora), strict=True)
        sources = [source for corpus, clips in chosen for source in corpus.sources(clips)]
        return SpeakerPairs(sources, sample_rate, speakers.count, speakers.seconds, self.seed)

    def _teacher_styles(self, names: tuple[str, ...]) -> Tensor:
        voices = self.config.teacher_voices
        if voices is None or not self.config.weights.teacher_style:
            return torch.full((len(names), 1), torch.nan)
        return teacher_styles(Path(voices), names)

    def make_batch(self, utterances: Utterances, indices: list[int], number: int = 0) -> Batch:
        """In training with `PAIRS`, where speakers are told apart."""
        batch = utterances.batch(indices, number)
        if self.pairs is not None and utterances is self.utterances:
            batch.features[PAIRS] = torch.from_numpy(self.pairs(number))
        return batch

    # -- steps --------------------------------------------------------------------------------------------------------

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.begin_step()
        made = self.read(batch)
        losses = dict(made.losses)
        fake, real = self.crops(batch, made)
        losses["spectral"] = self.spectral(fake, real)
        if self.config.weights.consistency:
            losses["consistency"] = self.consistency(fake, made.style)
        total = self.total(losses)
        total = total + self.against(self.config.adversarial, losses, real, fake)
        self.descend(total)
        self.log_losses("train", losses | {"loss": total}, len(batch.names))
        self.end_step()

    def total(self, losses: dict[str, Tensor]) -> Tensor:
        """The weighted sum of those losses that have a weight."""
        weights = self.config.weights.model_dump()
        weights["kl"] *= warmed(self.step, self.config.kl_warmup) if self.training else 1.0
        return torch.stack([weights[name] * loss for name, loss in losses.items() if weights[name]]).sum()

    def read(self, batch: Batch) -> Pass:
        """The parts of the model, each given what the recording is."""
        model, mask, frame_mask = self.model, batch.token_mask, batch.frame_mask
        heard = self.styles(batch.features["reference"])
        style = self._with_rows(heard, batch.speakers)
        states = model.text(batch.ids, batch.word_positions, mask, style)
        statistics = model.prior(states)
        mean, log_std = model.posterior(batch.features["samples"], frame_mask, style)
        latents = hide(mean + torch.randn_like(mean) * log_std.exp(), frame_mask) if self.training else mean
        noise = model.flow(latents, style[:, None], frame_mask)
        durations = self.durations(batch, noise, statistics)
        prior = self._frame_prior(statistics, durations, style, frame_mask)
        means, spread = model.duration(states.detach(), mask)
        if self.training:
            latents = self._some_spoken(latents, prior, style, frame_mask)
        losses = {
            "kl": divergence(noise, log_std, *prior, frame_mask),
            "duration": duration_loss(means, spread, durations, mask),
            **self._pitch_losses(batch, latents, style),
            **self._style_losses(batch, heard),
        }
        return Pass(style, latents, durations, losses)

    def styles(self, samples: Tensor) -> Tensor:
        """Of stretches of sound (batch, n), which silence pads: (batch, d_style)."""
        return self.model.style(*self._mel(samples))

    def _mel(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        mel = self.reference_mel(samples)
        return mel, frame_mask_of(samples, mel.shape[1], self.reference_mel.format.hop_length)

    def consistency(self, made: Tensor, styles: Tensor) -> Tensor:
        """How unlike sounds (batch, n) are the styles (batch, d_style) that they were made with, 0 to 2."""
        encoder = self.model.style
        fixed = {name: value.detach() for name, value in encoder.named_parameters()}
        heard = functional_call(encoder, fixed, self._mel(made))
        return (1.0 - F.cosine_similarity(heard.float(), styles.detach().float())).mean()

    def _with_rows(self, styles: Tensor, speakers: Tensor) -> Tensor:
        """In training, rows of the speaker table in place of some styles."""
        named = len(self.model.speaker_names)
        dropped = (torch.rand(len(styles), device=styles.device) < self.config.style_dropout) & (speakers < named)
        if not self.training:
            return styles
        return torch.where(dropped[:, None], self.model.speakers(speakers.clamp(max=named - 1)), styles)

    def durations(self, batch: Batch, noise: Tensor, statistics: Tensor) -> Tensor:
        known = batch.features["known_durations"]
        if self.config.alignment == "search":
            known = torch.zeros_like(known)
        return aligned_durations(batch, noise, statistics, known, self.config.anchor_tolerance)

    def _frame_prior(self, statistics: Tensor, durations: Tensor, style: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        ends = durations.cumsum(dim=1)
        encoded = F.pad(statistics, (0, 1))  # nothing that glides
        x, _, _ = expand_tokens(encoded, ends, torch.zeros_like(ends[:, 0]), mask.shape[1])
        width = statistics.shape[-1]
        return self.model.frame_statistics(x[..., :width], x[..., width + 1 :], style[:, None], mask)

    def _some_spoken(self, latents: Tensor, prior: tuple[Tensor, Tensor], style: Tensor, mask: Tensor) -> Tensor:
        """Latents (batch, frame, d_latent) of which a share, ``spoken``, is drawn from the prior of the text."""
        rows = (torch.rand(len(latents), device=latents.device) < self.config.spoken).nonzero()[:, 0]
        if not len(rows):
            return latents
        drawn = self.model.draw(prior[0][rows], prior[1][rows], torch.randn_like(latents[rows]), mask[rows])
        return latents.index_copy(0, rows, self.model.flow.inverse(drawn, style[rows, None], mask[rows]).to(latents))

    def _pitch_losses(self, batch: Batch, latents: Tensor, style: Tensor) -> dict[str, Tensor]:
        octaves, voicing = self.model.pitch(latents, style[:, None], batch.frame_mask)
        voiced = batch.f0 > 0.0
        target = (batch.f0.clamp(min=1.0) / FIRST_PITCH_HZ).log2()
        bits = F.binary_cross_entropy_with_logits(voicing, voiced.float(), reduction="none")
        return {
            "pitch": masked_mean((octaves - target).abs(), voiced),
            "voicing": masked_mean(bits, batch.frame_mask),
        }

    def _style_losses(self, batch: Batch, styles: Tensor) -> dict[str, Tensor]:
        weights, model, losses = self.config.weights, self.model, dict[str, Tensor]()
        if weights.table:
            named = batch.speakers < len(model.speaker_names)
            rows = model.speakers(batch.speakers.clamp(max=len(model.speaker_names) - 1))
            losses["table"] = masked_mean((rows - styles.detach()).square(), named)
        if PAIRS in batch.features:
            one, other = self.styles(batch.features[PAIRS].flatten(0, 1)).float().chunk(2)
            losses["speaker"] = contrast(one, other)
        if weights.teacher_style:
            losses["teacher_style"] = style_distance(styles, self.targets[batch.speakers])
        return losses

    def crops(self, batch: Batch, made: Pass) -> tuple[Tensor, Tensor]:
        """Sound of a random stretch of each clip, and the recording's: (batch, samples) each."""
        return sound_crops(self.codec, batch, self.config.crop, partial(self.frames, batch, made))

    def frames(self, batch: Batch, made: Pass, window: Tensor) -> Tensor:
        """Frames for the codec at the places ``window`` (batch, n), with the recording's pitch."""
        latents, pitch, present = (take(x, window) for x in (made.latents, batch.f0, batch.frame_mask))
        same = made.style[:, None].expand(-1, window.shape[1], -1)
        return hide(torch.cat([latents, pitch[..., None] / PITCH_UNIT_HZ, same], dim=-1), present)

    # -- validation ---------------------------------------------------------------------------------------------------

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        made = self.read(batch)
        window = torch.arange(batch.frame_mask.shape[1], device=self.device).expand(len(batch.names), -1)
        copy = self.codec(self.frames(batch, made, window))
        real = F.pad(batch.features["samples"], (0, copy.shape[1]))[:, : copy.shape[1]]
        spoken = self.spoken(batch, made)
        losses = made.losses | {"spectral": self.spectral(copy, real)}
        # what is spoken in the recording's timing is what it sounds like, but for phases and chance
        figures = losses | {"spoken": self.spectral(spoken, real)}
        total = self.total(losses) + self.config.weights.spectral * figures["spoken"]
        self.log_losses("val", figures | {"loss": total}, batch_size=1)
        if batch_idx < SHOWN and self.trainer.is_global_zero:
            sounds = {"recording": real[0], "from its latents": copy[0], "from text": spoken[0]}
            pictures.log_sounds(self, batch.names[0], sounds, self.codec.grid)

    def spoken(self, batch: Batch, made: Pass) -> Tensor:
        """Whole clips from their texts, with the durations of the recording: (batch, frames * hop_length) samples."""
        model = self.model
        states = model.text(batch.ids, batch.word_positions, batch.token_mask, made.style)
        same = made.style[:, None].expand(-1, states.shape[1], -1)
        encoded = torch.cat([model.prior(states), same, torch.zeros_like(states[..., :1])], dim=-1)
        ends = made.durations.cumsum(dim=1)
        x, mask, _ = expand_tokens(encoded, ends, torch.zeros_like(ends[:, 0]), batch.frame_mask.shape[1])
        noise = torch.randn(*mask.shape, model.noise_channels, generator=torch.Generator().manual_seed(0))
        return self.codec(model.frames(x, mask, noise.to(x)))
