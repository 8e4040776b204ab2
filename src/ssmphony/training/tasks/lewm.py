"""Train LeWM TTS: audio encoder, latent predictor and mel decoder in one step, all losses at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ssmphony.codecs.lewm import STRIDE, LeWMCodecConfig, whole_latents
from ssmphony.config import Config
from ssmphony.data.dataset import Batch, Bucketing, Corpus, Utterances
from ssmphony.data.features.registry import Needs
from ssmphony.data.spelling import spelled
from ssmphony.export.weights import Part
from ssmphony.models.lewm import ANYONE, LeWMConfig, Prediction
from ssmphony.nn.gather import take
from ssmphony.training import lewm_pictures
from ssmphony.training.config import VoiceConfig
from ssmphony.training.initial import load_exactly, origin
from ssmphony.training.lewm_losses import (
    ModulationLoss,
    alignment_loss,
    kl_divergence,
    pace_loss,
    sigreg,
    spoken_tokens,
    stop_loss,
)
from ssmphony.training.lewm_voice import LeWMVoice, rollout_errors
from ssmphony.training.losses import masked_mean, random_windows
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.task import Task
from ssmphony.types import SsmphonyError

SHOWN = 2
"""How many validation clips are drawn and can be heard."""
HORIZONS = (1, 2, 4, 8, 16, 32, 64)


class LossWeights(Config):
    """What each loss weighs. ``kl``, of a dimension, is reached after the first fifth of the training, from 0 on a
    straight line; with a twentieth of it the latents grew without end (docs/log.md#lewm)."""

    latent: float = 1.0
    kl: float = 0.2
    sigreg: float = 0.09
    mel: float = 1.0
    predicted_mel: float = 0.5
    spectral: float = 0.5
    alignment: float = 0.1
    pace: float = 0.1
    stop: float = 0.1


class LeWMTaskConfig(Config):
    """``batch_size`` clips and ``max_frames`` mel frames, padding included, bound a batch.

    reg: what keeps the latents from collapsing, the KL divergence, SIGReg (on ``sigreg_samples`` latents of a batch,
        along ``sigreg_directions``), or both. stop_gradient: whether the latents that are predicted are constants for
        the predictor's loss; None: with the KL divergence alone.
    Against drift, each off at 0: latent_noise, the largest standard deviation of noise on the predictor's input, that
        of the latents being 1; rollout, the share of inputs that are its own predictions, reached like the KL weight,
        see `LeWM.replace` for ``rollout_passes``; ``weights.predicted_mel``, the decoder on predicted latents;
        ``weights.alignment``, the attention held near the tokens spoken: within ``anchored_width`` tokens where word or
        phone times are known, else within ``free_width`` of the text around the diagonal.
    decoded_latents: so many latents of each clip, from a random place, are decoded in a step of training; 0: all. The
        decoder is half of the work, and it sees little of a clip at a time.
    speaker_dropout: the share of clips that are spoken by `ANYONE` instead of their speaker: who speaks is then in what
        is heard only, as behind a reference clip.
    stop_positive: the weight of the end of speech against all other latents. vocoder: a voice, run or checkpoint whose
        vocoder the codec takes, frozen; None leaves it untrained.
    """

    kind: Literal["lewm"] = "lewm"
    corpora: tuple[Corpus, ...]
    validation: tuple[Corpus, ...]
    vocoder: str | None = "default"
    batch_size: int = Field(default=16, ge=1)
    max_frames: int = Field(default=8000, ge=1)
    max_seconds: float = Field(default=12.0, gt=0.0)
    reg: Literal["kl", "sigreg", "both"] = "kl"
    stop_gradient: bool | None = None
    sigreg_samples: int = Field(default=256, ge=2)
    sigreg_directions: int = Field(default=256, ge=1)
    latent_noise: float = Field(default=0.5, ge=0.0)
    rollout: float = Field(default=0.3, ge=0.0, le=1.0)
    rollout_passes: int = Field(default=1, ge=1)
    anchored_width: float = Field(default=4.0, gt=0.0)
    free_width: float = Field(default=0.2, gt=0.0)
    decoded_latents: int = Field(default=0, ge=0)
    speaker_dropout: float = Field(default=0.0, ge=0.0, le=1.0)
    stop_positive: float = Field(default=5.0, gt=0.0)
    weights: LossWeights = LossWeights()
    optimiser: OptimiserConfig = OptimiserConfig(lr=3e-4, betas=(0.9, 0.95), warmup=1000)

    def build(self, voice: VoiceConfig, seed: int) -> LeWMTask:
        """Raises `SsmphonyError` when a corpus is missing, or does not fit the voice block."""
        symbols = voice.frontend_symbols()
        model, codec = voice.model_settings(n_symbols=len(symbols)), voice.codec_settings()
        if not isinstance(model, LeWMConfig) or not isinstance(codec, LeWMCodecConfig):
            raise SsmphonyError("task.kind lewm trains voice.model.kind lewm with voice.codec.kind lewm")
        if model.d_latent != codec.d_latent:
            raise SsmphonyError(
                f"voice.model.d_latent is {model.d_latent}, voice.codec.d_latent {codec.d_latent}: they must be equal"
            )
        if self.speaker_dropout and ANYONE not in model.speakers:
            raise SsmphonyError(f"task.speaker_dropout needs '{ANYONE}' among voice.model.speakers")
        parts = LeWMVoice(model.build(), codec.build())
        parts.codec.vocoder.requires_grad_(False)
        if self.vocoder is not None:
            load_exactly(parts.codec.vocoder, origin(self.vocoder), "codec")
        return LeWMTask(self, parts, symbols, voice.frontend["kind"] == "bytes", seed)


class Run(NamedTuple):
    """One batch through all parts. mel: (batch, frame, n_mels) normalised, of the latents that were decoded, with its
    mask; mask: (batch, latent); made: the mel of the posterior; foreseen: the mel of the predicted latents; places: the
    token spoken at each latent (batch, latent), and widths: how sure that is (batch,), in tokens."""

    mel: Tensor
    mel_mask: Tensor
    mean: Tensor
    log_variance: Tensor
    mask: Tensor
    prediction: Prediction
    made: Tensor
    foreseen: Tensor
    places: Tensor
    widths: Tensor


class LeWMTask(Task[LeWMVoice]):
    """Train `LeWM` and `LeWMCodec` together; the vocoder inside is not trained."""

    part: Part = "voice"

    def __init__(
        self, config: LeWMTaskConfig, model: LeWMVoice, symbols: tuple[str, ...], spells: bool, seed: int
    ) -> None:
        """``spells``: the frontend reads bytes, the corpora's phonemes are replaced by their texts."""
        super().__init__(config.optimiser, seed)
        self.config = config
        self.model = model
        self.symbols = symbols
        self.spectral = ModulationLoss()
        speakers, audio = model.model.config.speakers, model.codec.config.format
        respell = spelled if spells else None
        needs = Needs.of_mel(audio, ("mel",))
        self.utterances = Utterances(config.corpora, symbols, speakers, needs, config.max_seconds, respell)
        self.held_out = Utterances(config.validation, symbols, speakers, needs, config.max_seconds, respell)
        self.bucketing = Bucketing(self.utterances, config.batch_size, config.max_frames, seed)
        self._rollouts: list[dict[int, Tensor]] = []
        self._latents: list[Tensor] = []

    @property
    def constant_targets(self) -> bool:
        given = self.config.stop_gradient
        return self.config.reg == "kl" if given is None else given

    @property
    def warmth(self) -> float:
        """0 … 1 over the first fifth of the training."""
        return min(1.0, self.step / (0.2 * self.optimiser.max_steps))

    def training_batch(self, number: int) -> Batch:
        return self.utterances.batch(self.bucketing(number))

    def validation_batches(self) -> list[Batch]:
        return [self.held_out.batch([index]) for index in range(len(self.held_out))]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.begin_step()
        losses = self.losses(batch, self.run(batch))
        self.log_losses("train", losses, len(batch.names))
        self.end_step()
        return losses["loss"]

    def run(self, batch: Batch) -> Run:
        """Teacher forcing; in training with noise and the predictor's own latents among the given ones."""
        model, codec = self.model.model, self.model.codec
        mel, mel_mask = whole_latents(codec.normalise(batch.mels), batch.frame_mask, codec.encoder.silence)
        mean, log_variance, mask = codec.encoder(mel, mel_mask)
        z = mean
        if self.training:
            z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        speakers = batch.speakers
        if self.training and self.config.speaker_dropout:
            unnamed = torch.rand(len(speakers), device=speakers.device) < self.config.speaker_dropout
            speakers = speakers.masked_fill(unnamed, model.config.speakers.index(ANYONE))
        memory = model.read(batch.ids, batch.token_mask, speakers)
        places, widths = self._spoken(batch, mask)
        given, noise = z, torch.zeros_like(z)
        if self.training and self.config.latent_noise:
            # relative to the latents, else larger latents would be the way out
            level = self.config.latent_noise * z.detach()[mask].std() * torch.rand(len(z), 1, 1, device=z.device)
            noise = level * torch.randn_like(z)
        if self.training and self.config.rollout:
            chosen = torch.rand(z.shape[:2], device=z.device) < self.config.rollout * self.warmth
            given = model.replace(z, chosen, mask, memory, self.config.rollout_passes, places, noise)
        prediction = model.teach(given + noise, mask, memory, places)
        if self.training and 0 < self.config.decoded_latents < z.shape[1]:
            window = random_windows(mask.sum(1), self.config.decoded_latents)
            frames = (window[..., None] * STRIDE + torch.arange(STRIDE, device=window.device)).flatten(1)
            made, foreseen = (codec.decode_window(part, mask, window) for part in (z, prediction.latents))
            mel, mel_mask = take(mel, frames), take(mel_mask, frames)
        else:
            made, foreseen = codec.decode_mel(torch.cat([z, prediction.latents]), torch.cat([mask, mask])).chunk(2)
        return Run(mel, mel_mask, mean, log_variance, mask, prediction, made, foreseen, places, widths)

    def losses(self, batch: Batch, run: Run) -> dict[str, Tensor]:
        """Means over the latents and frames of the batch; ``loss`` is their weighted sum."""
        config, weights = self.config, self.config.weights
        target = run.mean.detach() if self.constant_targets else run.mean
        error = (run.prediction.latents - target).square()
        losses = {
            "latent": masked_mean(error, run.mask),
            "kl": kl_divergence(run.mean, run.log_variance, run.mask),
            "mel": masked_mean((run.made - run.mel).abs(), run.mel_mask),
            "spectral": self.spectral(run.made, run.mel, run.mel_mask),
            "predicted_mel": masked_mean((run.foreseen - run.mel).abs(), run.mel_mask),
            "stop": stop_loss(run.prediction.stops, run.mask, config.stop_positive),
            "alignment": alignment_loss(run.prediction.attention, run.places, run.widths, run.mask),
        }
        if run.prediction.paces is not None:
            losses["pace"] = pace_loss(run.prediction.paces, run.places, run.mask)
        if config.reg != "kl":
            losses["sigreg"] = sigreg(self._some(run.mean[run.mask]), config.sigreg_directions)
        shares = weights.model_dump()
        shares["kl"] *= 0.0 if config.reg == "sigreg" else self.warmth
        total = torch.stack([shares[name] * value for name, value in losses.items()]).sum()
        losses["spread"] = self._spread_loss(error.detach(), run.mask)
        losses["loss"] = total + losses["spread"]
        return losses

    def _spread_loss(self, error: Tensor, mask: Tensor) -> Tensor:
        """The Gaussian likelihood of the errors, for `LeWM.log_spread` alone: how much noise a temperature is."""
        log_spread = self.model.model.log_spread
        return 0.01 * masked_mean(0.5 * error * torch.exp(-2.0 * log_spread) + log_spread, mask)

    def _some(self, latents: Tensor) -> Tensor:
        """``sigreg_samples`` latents of the batch."""
        return latents[torch.randperm(len(latents), device=latents.device)[: self.config.sigreg_samples]]

    def _spoken(self, batch: Batch, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The token spoken at each latent (batch, latent), and how sure that is (batch,), in tokens."""
        config, counts = self.config, batch.token_mask.sum(1).tolist()
        widths = [
            config.anchored_width if anchors else max(config.free_width * count, 1.0)
            for anchors, count in zip(batch.anchors, counts, strict=True)
        ]
        return places_in_text(batch, mask), torch.tensor(widths, device=mask.device)

    # -- validation -----------------------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self._rollouts, self._latents = [], []

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        run = self.run(batch)
        self.log_losses("val", self.losses(batch, run), batch_size=1)
        memory = self.model.model.read(batch.ids, batch.token_mask, batch.speakers)
        self._rollouts.append(rollout_errors(self.model, run.mean, memory, HORIZONS, run.places))
        self._latents.append(run.mean[run.mask])
        if batch_idx < SHOWN and self.trainer.is_global_zero:
            symbols = [self.symbols[index] for index in batch.ids[0].tolist()]
            attention = run.prediction.attention
            lewm_pictures.show_clip(self, self.model, batch, symbols, run.made, run.foreseen, attention)

    def on_validation_epoch_end(self) -> None:
        latents = torch.cat(self._latents)
        errors = mean_errors(self._rollouts)
        variances, rank = spectrum(latents)
        figures = {"latent_variance": latents.var(0).mean(), "latent_rank": rank}
        figures |= {f"rollout_{step}": error for step, error in errors.items()}
        self.log_losses("val", figures, batch_size=1)
        lewm_pictures.log_rollout(self, errors, float(latents.var(0).mean()))
        lewm_pictures.log_spectrum(self, variances, float(rank))
        self._rollouts, self._latents = [], []


def places_in_text(batch: Batch, mask: Tensor) -> Tensor:
    """The token spoken in the middle of each latent, (batch, latent) like ``mask``; see `spoken_tokens`."""
    middles = (np.arange(mask.shape[1]) + 0.5) * STRIDE
    counts, frames = batch.token_mask.sum(1).tolist(), batch.frame_mask.sum(1).tolist()
    rows = zip(batch.anchors, counts, frames, strict=True)
    return torch.from_numpy(np.stack([spoken_tokens(*row, middles) for row in rows])).to(mask.device)


def mean_errors(clips: list[dict[int, Tensor]]) -> Mapping[int, Tensor]:
    """The mean of each horizon over the clips that have room for it."""
    horizons = sorted({step for clip in clips for step in clip})
    return {step: torch.stack([clip[step] for clip in clips if step in clip]).mean() for step in horizons}


def spectrum(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Variances of latents (n, channel) along their principal axes, and the effective rank: the exponential of the
    entropy of their shares (Roy & Vetterli 2007)."""
    centred = (latents - latents.mean(0)).float()
    variances = torch.linalg.svdvals(centred).square() / max(1, len(latents) - 1)
    shares = variances / variances.sum().clamp(min=1e-12)
    return variances, torch.exp(-(shares * shares.clamp(min=1e-12).log()).sum())
