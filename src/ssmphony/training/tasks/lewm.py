"""Train LeWM TTS: audio encoder, latent predictor and mel decoder in one step, all losses at once."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from ssmphony.codecs.lewm import STRIDE, LeWMCodec, LeWMCodecConfig, whole_latents
from ssmphony.config import Config
from ssmphony.data.dataset import Batch
from ssmphony.data.features.registry import Needs
from ssmphony.data.spelling import spelled
from ssmphony.models.lewm import UNCONDITIONAL, LeWMConfig
from ssmphony.models.lewm_model import LeWM, Prediction
from ssmphony.nn.gather import take
from ssmphony.training import lewm_pictures
from ssmphony.training.config import VoiceConfig
from ssmphony.training.initial import load_codec
from ssmphony.training.lewm_losses import (
    HORIZONS,
    ModulationLoss,
    alignment_loss,
    kl_divergence,
    mean_errors,
    pace_loss,
    places_in_text,
    sigreg,
    spectrum,
    stop_loss,
)
from ssmphony.training.lewm_rollout import LeWMVoice, corrupted, rollout_errors
from ssmphony.training.losses import masked_mean, random_windows
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.text_task import TextTask, TextTaskConfig
from ssmphony.types import SsmphonyError

SHOWN = 2
"""Validation clips that are logged as pictures and sound."""


class LossWeights(Config):
    """What each loss weighs."""

    latent: float = 1.0
    """Squared error of the predicted latents."""
    kl: float = 0.2
    """KL divergence, per dimension. It is reached after the first fifth of the training, linearly from 0. With
    a twentieth of it the latents grew without end (docs/log.md#lewm)."""
    sigreg: float = 0.09
    """See `sigreg`."""
    mel: float = 1.0
    """L1 distance of the mel that is decoded from the recording's latents."""
    predicted_mel: float = 0.5
    """The same of the mel that is decoded from the predicted latents: against drift."""
    spectral: float = 0.5
    """See `ModulationLoss`."""
    alignment: float = 0.1
    """Attention to other tokens than those spoken: against drift."""
    pace: float = 0.1
    """Squared error of the pace, where the model predicts one."""
    stop: float = 0.1
    """Cross-entropy of the end of speech."""


class LeWMTaskConfig(TextTaskConfig):
    """Trains the model and the codec of LeWM TTS together. What is against drift is off at 0."""

    kind: Literal["lewm"] = "lewm"
    vocoder: str | None = None
    """A voice, run or checkpoint whose vocoder the codec takes, frozen; None leaves it untrained."""
    reg: Literal["kl", "sigreg", "both"] = "kl"
    """What keeps the latents from collapsing: the KL divergence, SIGReg, or both."""
    stop_gradient: bool | None = None
    """Whether the latents that are predicted are constants for the predictor's loss; None: with the KL divergence
    alone."""
    sigreg_samples: int = Field(default=256, ge=2)
    """Latents of a batch that SIGReg sees."""
    sigreg_directions: int = Field(default=256, ge=1)
    """Directions along which SIGReg looks at them."""
    latent_noise: float = Field(default=0.5, ge=0.0)
    """Largest standard deviation of noise on the predictor's input, that of the latents being 1: against drift."""
    rollout: float = Field(default=0.3, ge=0.0, le=1.0)
    """Share of inputs that are the predictor's own predictions, reached like the weight of ``kl``: against drift."""
    rollout_passes: int = Field(default=1, ge=1)
    """See `LeWM.replace`."""
    anchored_width: float = Field(default=4.0, gt=0.0)
    """Attention is held within this many tokens of those spoken, where times of words or phones are known."""
    free_width: float = Field(default=0.2, gt=0.0)
    """Elsewhere it is held within this share of the text around the diagonal."""
    decoded_latents: int = Field(default=0, ge=0)
    """Latents of each clip, in a row from a random place, that are decoded in a step of training; 0: all. The decoder
    is half of the work, and sees little of a clip at a time."""
    speaker_dropout: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of clips whose speaker is replaced by `UNCONDITIONAL`: the sound alone then identifies the speaker, as
    after a reference clip."""
    stop_positive: float = Field(default=5.0, gt=0.0)
    """Weight of the end of speech against all other latents."""
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
        if self.speaker_dropout and UNCONDITIONAL not in model.speakers:
            raise SsmphonyError(f"task.speaker_dropout needs '{UNCONDITIONAL}' among voice.model.speakers")
        parts = LeWMVoice(model.build(), codec.build(), "both")
        parts.codec.vocoder.requires_grad_(False)
        if self.vocoder is not None:
            load_codec(parts.codec.vocoder, self.vocoder, "voice.codec.vocoder")
        return LeWMTask(self, parts, symbols, (voice.frontend or {}).get("kind") == "bytes", seed)


class Run(NamedTuple):
    """One batch through all parts. mel: (batch, frame, n_mels) normalised, of the latents that were decoded, with its
    mask; mask: (batch, latent); decoded: the mel of the posterior; predicted: that of the predicted latents; places:
    the token spoken at each latent (batch, latent), and widths: how sure that is (batch,), in tokens."""

    mel: Tensor
    mel_mask: Tensor
    mean: Tensor
    log_variance: Tensor
    mask: Tensor
    prediction: Prediction
    decoded: Tensor
    predicted: Tensor
    places: Tensor
    widths: Tensor


class LeWMTask(TextTask[LeWM, LeWMCodec]):
    """Train `LeWM` and `LeWMCodec` together; the vocoder inside is not trained."""

    def __init__(
        self, config: LeWMTaskConfig, voice: LeWMVoice, symbols: tuple[str, ...], spells: bool, seed: int
    ) -> None:
        """``spells``: the frontend reads bytes, the corpora's phonemes are replaced by their texts."""
        needs = Needs.of_mel(voice.codec.config.format, ("mel",))
        respell = spelled if spells else None
        super().__init__(config, voice, symbols, voice.model.config.speakers, needs, seed, respell=respell)
        self.config = config
        self.spectral = ModulationLoss()
        self._rollouts: list[dict[int, Tensor]] = []
        self._latents: list[Tensor] = []

    @property
    def constant_targets(self) -> bool:
        given = self.config.stop_gradient
        return self.config.reg == "kl" if given is None else given

    @property
    def warmup(self) -> float:
        """0 … 1 over the first fifth of the training."""
        return min(1.0, self.step / (0.2 * self.optimiser.max_steps))

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.begin_step()
        losses = self.losses(batch, self.run(batch))
        self.descend(losses["loss"])
        self.log_losses("train", losses, len(batch.names))
        self.end_step()

    def run(self, batch: Batch) -> Run:
        """Teacher forcing; in training with noise and the predictor's own latents among the given ones."""
        model, codec = self.model, self.codec
        mel, mel_mask = whole_latents(codec.normalise(batch.mels), batch.frame_mask, codec.encoder.silence)
        mean, log_variance, mask = codec.encoder(mel, mel_mask)
        z = mean
        if self.training:
            z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        speakers = batch.speakers
        if self.training and self.config.speaker_dropout:
            unnamed = torch.rand(len(speakers), device=speakers.device) < self.config.speaker_dropout
            speakers = speakers.masked_fill(unnamed, model.config.speakers.index(UNCONDITIONAL))
        memory = model.read(batch.ids, batch.token_mask, speakers)
        places, widths = self._spoken(batch, mask)
        given = z
        if self.training:
            share = self.config.rollout * self.warmup
            given = corrupted(
                model, z, mask, memory, places, self.config.latent_noise, share, self.config.rollout_passes
            )
        prediction = model.teacher_forced(given, mask, memory, places)
        if self.training and 0 < self.config.decoded_latents < z.shape[1]:
            window = random_windows(mask.sum(1), self.config.decoded_latents)
            frames = (window[..., None] * STRIDE + torch.arange(STRIDE, device=window.device)).flatten(1)
            decoded, predicted = (codec.decode_window(part, mask, window) for part in (z, prediction.latents))
            mel, mel_mask = take(mel, frames), take(mel_mask, frames)
        else:
            decoded, predicted = codec.decode_mel(torch.cat([z, prediction.latents]), torch.cat([mask, mask])).chunk(2)
        return Run(mel, mel_mask, mean, log_variance, mask, prediction, decoded, predicted, places, widths)

    def losses(self, batch: Batch, run: Run) -> dict[str, Tensor]:
        """Means over the latents and frames of the batch; ``loss`` is their weighted sum."""
        config, weights = self.config, self.config.weights
        target = run.mean.detach() if self.constant_targets else run.mean
        error = (run.prediction.latents - target).square()
        losses = {
            "latent": masked_mean(error, run.mask),
            "kl": kl_divergence(run.mean, run.log_variance, run.mask),
            "mel": masked_mean((run.decoded - run.mel).abs(), run.mel_mask),
            "spectral": self.spectral(run.decoded, run.mel, run.mel_mask),
            "predicted_mel": masked_mean((run.predicted - run.mel).abs(), run.mel_mask),
            "alignment": alignment_loss(run.prediction.attention, run.places, run.widths, run.mask),
        }
        if run.prediction.stops is not None:
            losses["stop"] = stop_loss(run.prediction.stops, run.mask, config.stop_positive)
        if run.prediction.paces is not None:
            losses["pace"] = pace_loss(run.prediction.paces, run.places, run.mask)
        if config.reg != "kl":
            losses["sigreg"] = sigreg(self._some(run.mean[run.mask]), config.sigreg_directions)
        shares = weights.model_dump()
        shares["kl"] *= 0.0 if config.reg == "sigreg" else self.warmup
        total = torch.stack([shares[name] * value for name, value in losses.items()]).sum()
        losses["spread"] = self._spread_loss(error.detach(), run.mask)
        losses["loss"] = total + losses["spread"]
        return losses

    def _spread_loss(self, error: Tensor, mask: Tensor) -> Tensor:
        """The Gaussian likelihood of the errors, for `LeWM.log_spread` alone: how much noise a temperature is."""
        log_spread = self.model.log_spread
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
        return places_in_text(batch, mask, STRIDE), torch.tensor(widths, device=mask.device)

    # -- validation -----------------------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self._rollouts, self._latents = [], []

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        run = self.run(batch)
        self.log_losses("val", self.losses(batch, run), batch_size=1)
        memory = self.model.read(batch.ids, batch.token_mask, batch.speakers)
        self._rollouts.append(rollout_errors(self.model, run.mean, memory, HORIZONS, run.places))
        self._latents.append(run.mean[run.mask])
        if batch_idx < SHOWN and self.trainer.is_global_zero:
            symbols = [self.symbols[index] for index in batch.ids[0].tolist()]
            attention = run.prediction.attention
            lewm_pictures.show_clip(self, self.voice, batch, symbols, run.decoded, run.predicted, attention)

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
