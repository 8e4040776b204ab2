"""Train LeWM TTS on the latents of a trained codec: the next latent, from those before it and from the text."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ssmphony.codecs.latent import Latent, LatentConfig
from ssmphony.codecs.log_mel import LogMel
from ssmphony.config import Config
from ssmphony.data.dataset import Batch
from ssmphony.data.features.registry import Needs
from ssmphony.data.spelling import spelled
from ssmphony.models.lewm import LeWMConfig
from ssmphony.models.lewm_model import LeWM, Prediction
from ssmphony.nn.gather import take
from ssmphony.nn.weights import checksum
from ssmphony.ssm.masking import mean_over_time
from ssmphony.training import lewm_pictures, pictures
from ssmphony.training.config import VoiceConfig
from ssmphony.training.initial import load_codec
from ssmphony.training.lewm_losses import (
    HORIZONS,
    alignment_loss,
    known_ends,
    mean_errors,
    pace_loss,
    places_in_text,
    spectrum,
    stop_loss,
)
from ssmphony.training.lewm_rollout import corrupted, rollout_errors
from ssmphony.training.losses import MultiScaleMelLoss, masked_mean, random_windows
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.text_task import TextTask, TextTaskConfig
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import SsmphonyError, Style, Tokens

SHOWN = 2
"""Validation clips that are spoken and logged as sound."""
MEAN_RATE = 0.1
"""How far a clip moves the mean latent of its speaker."""
EDGE_HOPS = 2
"""Of decoded stretches, whose ends lack latents that were cut away."""
LatentsVoice = VoiceModule[LeWM, Latent]


class LatentWeights(Config):
    """What each loss weighs."""

    latent: float = 1.0
    """Squared error of the mean."""
    clip: float = 3.0
    """Squared error of the mean of the latents of a clip: of its speaker, which weighs little in each latent."""
    drawn: float = 1.0
    """Of a head that draws: minus the log likelihood, or the squared error of a flow's direction."""
    sound: float = 0.2
    """Spectral distance of the sound of the predicted latents from that of the true ones: against drift."""
    alignment: float = 0.3
    """Attention to other tokens than those spoken: against drift."""
    pace: float = 0.1
    """Squared error of the pace, where the model predicts one."""
    duration: float = 0.2
    """Of ``placement: aligned``, minus the log likelihood of how long tokens last, as counts of Poisson."""
    stop: float = 0.1
    """Cross-entropy of the end of speech; not of ``placement: aligned``."""
    table: float = 0.1
    """Squared distance of a speaker's row of the table to the style of its clips; trains the row alone."""


class LatentsTaskConfig(TextTaskConfig):
    """Trains `LeWM` on the latents of a trained codec, which are computed once and kept with the corpora. What is
    against drift is off at 0."""

    kind: Literal["latents"] = "latents"
    codec: str | None = None
    """A voice, run or checkpoint whose codec makes the latents; None leaves it untrained, which is for tests."""
    latent_noise: float = Field(default=2.0, ge=0.0)
    """Largest standard deviation of noise on the predictor's input, that of the latents being 1: against drift."""
    latent_offset: float = Field(default=0.0, ge=0.0)
    """The same, of an offset that stays the same through a clip: without it the predictor takes the speaker from the
    latents before, and little from the reference."""
    rollout: float = Field(default=0.3, ge=0.0, le=1.0)
    """Share of inputs that are the predictor's own predictions: against drift. It is reached linearly from 0 over the
    first fifth of the training."""
    rollout_passes: int = Field(default=1, ge=1)
    """See `LeWM.replace`."""
    anchored_width: float = Field(default=4.0, gt=0.0)
    """Attention is held within this many tokens of those spoken."""
    decoded_clips: int = Field(default=4, ge=1)
    """Clips of a batch of which a stretch is decoded for the loss ``sound``."""
    decoded_latents: int = Field(default=12, ge=8)
    """Length of the stretch in latents; it begins at a random one."""
    reference_s: float = Field(default=3.0, gt=0.0)
    """Length of the reference, a stretch of another clip of the speaker."""
    reference_share: float = Field(default=0.5, ge=0.0, le=1.0)
    """Share of the clips of named speakers that are spoken with a reference in place of their row of the table."""
    stop_positive: float = Field(default=5.0, gt=0.0)
    """Weight of the end of speech against all other latents."""
    weights: LatentWeights = LatentWeights()
    optimiser: OptimiserConfig = OptimiserConfig(lr=1e-3, betas=(0.9, 0.95), warmup=300)

    def build(self, voice: VoiceConfig, seed: int) -> LatentsTask:
        """Raises `SsmphonyError` when a corpus is missing, or does not fit the voice block."""
        symbols = voice.frontend_symbols()
        model, settings = voice.model_settings(n_symbols=len(symbols)), voice.codec_settings()
        if not isinstance(model, LeWMConfig) or not isinstance(settings, LatentConfig):
            raise SsmphonyError("task.kind latents trains voice.model.kind lewm with voice.codec.kind latent")
        if model.d_latent != settings.d_latent:
            raise SsmphonyError(
                f"voice.model.d_latent is {model.d_latent}, voice.codec.d_latent {settings.d_latent}: they must be "
                "equal"
            )
        codec = settings.build()
        if self.codec is not None:
            load_codec(codec, self.codec)
        return LatentsTask(self, LatentsVoice(model.build(), codec, "model"), symbols, voice, seed)


class Run(NamedTuple):
    """One batch through the model. z (batch, latent, d_latent) with its mask; places: the token spoken at each latent
    (batch, latent)."""

    z: Tensor
    mask: Tensor
    places: Tensor
    prediction: Prediction
    losses: dict[str, Tensor]
    """Of durations and of the speaker table, where there are any."""


class LatentsTask(TextTask[LeWM, Latent]):
    """Train `LeWM`; the codec is not trained."""

    def __init__(
        self, config: LatentsTaskConfig, voice: LatentsVoice, symbols: tuple[str, ...], block: VoiceConfig, seed: int
    ) -> None:
        model, codec = voice.model, voice.codec
        names = ("codes", "reference") if model.style is not None else ("codes",)
        needs = Needs(
            names, codec.grid, encoder=codec, identity=checksum(codec), reference_s=config.reference_s, seed=seed
        )
        speakers = model.speaker_names if model.style is None else config.speaker_names(model.speaker_names)
        respell = spelled if (block.frontend or {}).get("kind") == "bytes" else None
        super().__init__(config, voice, symbols, speakers, needs, seed, respell=respell)
        self.config = config
        self.spectral = MultiScaleMelLoss(codec.grid.sample_rate)
        self.reference_mel = LogMel(model.config.reference)
        self._rollouts: list[dict[int, Tensor]] = []
        self._latents: list[Tensor] = []

    # -- steps --------------------------------------------------------------------------------------------------------

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.begin_step()
        losses = self.losses(self.run(batch))
        self.descend(losses["loss"])
        self.log_losses("train", losses, len(batch.names))
        self.end_step()

    def run(self, batch: Batch) -> Run:
        """Teacher forcing; in training with noise and the predictor's own latents among the given ones."""
        model, config = self.model, self.config
        mask = batch.frame_mask
        z = batch.features["codes"][:, : mask.shape[1]]
        ends, places = known_ends(batch), places_in_text(batch, mask)
        speakers, mean, losses = self._speakers(batch)
        memory = model.read(batch.ids, batch.token_mask, speakers, ends, mean)
        if model.aligned is not None and memory.text is not None:
            frames = ends.diff(dim=1, prepend=ends.new_zeros(len(ends), 1))
            nats = F.poisson_nll_loss(model.aligned.duration(memory.text), frames, reduction="none")
            losses["duration"] = masked_mean(nats, batch.token_mask)
        given = z
        if self.training:
            share = config.rollout * min(1.0, self.step / (0.2 * self.optimiser.max_steps))
            noise, passes, offset = config.latent_noise, config.rollout_passes, config.latent_offset
            given = corrupted(model, z, mask, memory, places, noise, share, passes, offset)
        return Run(z, mask, places, model.teacher_forced(given, mask, memory, places), losses)

    def _speakers(self, batch: Batch) -> tuple[Tensor, Tensor | None, dict[str, Tensor]]:
        """Rows of the table (batch,), or vectors (batch, d_style): of a reference, or a row of the table; and of a
        model with ``mean_latent``, the mean latents (batch, d_latent) of the same."""
        model, speakers = self.model, batch.speakers
        if model.style is None:
            return speakers, None, {}
        samples = batch.features["reference"]
        mel = self.reference_mel(samples)
        style = model.style(mel, torch.ones_like(mel[..., 0], dtype=torch.bool))
        known = speakers < len(model.speaker_names)
        row = speakers.clamp(max=len(model.speaker_names) - 1)
        rows = model.speakers(row)
        distance = masked_mean((rows - style.detach()).square(), known) if bool(known.any()) else style.new_zeros(())
        listens = torch.rand(len(speakers), device=speakers.device) < self.config.reference_share
        from_table = (known & ~listens if self.training else known)[:, None]
        mean = None
        if model.config.mean_latent:
            mean = self._mean_latents(samples)
            if self.training:
                model.speaker_means[row[known]] = model.speaker_means[row[known]].lerp(mean[known], MEAN_RATE)
            mean = torch.where(from_table, model.speaker_means[row], mean)
        return torch.where(from_table, rows, style), mean, {"table": distance}

    def _mean_latents(self, samples: Tensor) -> Tensor:
        """Of recordings (batch, n), without the silence that follows shorter ones: (batch, d_latent)."""
        with torch.autocast(samples.device.type, enabled=False):
            z = self.codec.encode(samples)
        last = (samples.abs() > 0).long().cumsum(1).argmax(1)
        present = torch.arange(z.shape[1], device=z.device) <= last[:, None] // self.codec.grid.hop_length
        return mean_over_time(z, present)

    def losses(self, run: Run) -> dict[str, Tensor]:
        """Means over the latents of the batch; ``loss`` is their weighted sum."""
        config, prediction, mask = self.config, run.prediction, run.mask
        losses = dict(run.losses)
        missed = prediction.latents - run.z
        losses["latent"] = masked_mean(missed.square(), mask)
        losses["clip"] = mean_over_time(missed, mask).square().mean()
        if self.model.drawn is not None:
            drawn = self.model.drawn.losses(prediction.hidden, prediction.latents, run.z)
            losses["drawn"] = masked_mean(drawn, mask)
        if prediction.stops is not None:
            losses["stop"] = stop_loss(prediction.stops, mask, config.stop_positive)
        widths = torch.full((len(mask),), config.anchored_width, device=mask.device)
        losses["alignment"] = alignment_loss(prediction.attention, run.places, widths, mask)
        if prediction.paces is not None:
            losses["pace"] = pace_loss(prediction.paces, run.places, mask)
        if config.weights.sound:
            losses["sound"] = self._sound_loss(run)
        shares = config.weights.model_dump()
        losses["loss"] = torch.stack([shares[name] * value for name, value in losses.items()]).sum()
        return losses

    def _sound_loss(self, run: Run) -> Tensor:
        few = slice(self.config.decoded_clips)
        mask, z, predicted = run.mask[few], run.z[few], run.prediction.latents[few].float()
        window = random_windows(mask.sum(1), min(self.config.decoded_latents, mask.shape[1]))
        edge = EDGE_HOPS * self.codec.format.hop_length
        with torch.autocast(z.device.type, enabled=False):
            with torch.no_grad():
                true = self.codec.render(take(z, window)).samples
            made = self.codec.render(take(predicted, window)).samples
            return self.spectral(made[:, edge:-edge], true[:, edge:-edge])

    # -- validation ---------------------------------------------------------------------------------------------------

    def on_validation_epoch_start(self) -> None:
        self._rollouts, self._latents = [], []

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        run = self.run(batch)
        self.log_losses("val", self.losses(run), batch_size=1)
        speakers, mean, _ = self._speakers(batch)
        memory = self.model.read(batch.ids, batch.token_mask, speakers, known_ends(batch), mean)
        self._rollouts.append(rollout_errors(self.model, run.z, memory, HORIZONS, run.places))
        self._latents.append(run.z[run.mask])
        if batch_idx < SHOWN and self.trainer.is_global_zero:
            self._speak(batch, run)

    def on_validation_epoch_end(self) -> None:
        errors, (variances, rank) = mean_errors(self._rollouts), spectrum(torch.cat(self._latents))
        figures = {"latent_variance": variances.mean(), "latent_rank": rank}
        self.log_losses("val", figures | {f"rollout_{step}": error for step, error in errors.items()}, batch_size=1)
        lewm_pictures.log_rollout(self, errors, float(variances.mean()))
        self._rollouts, self._latents = [], []

    @torch.no_grad()
    def _speak(self, batch: Batch, run: Run) -> None:
        """Log a clip as the model speaks it, next to what its true and its predicted latents give."""
        model, codec, name = self.model, self.codec, batch.names[0]
        ids = batch.ids[0][batch.token_mask[0]].tolist()
        symbols = tuple(self.symbols[index] for index in ids)
        named = int(batch.speakers[0]) < len(model.speaker_names)
        style = Style(speaker=model.speaker_names[int(batch.speakers[0])] if named else None)
        state, frames = model.begin([Tokens(tuple(ids), symbols)], [style]), list[Tensor]()
        while not bool(state.done):
            made, state = model.step(state)
            frames.append(made.values[:, : int(made.lengths)])
        ways = {"copy": run.z, "predicted": run.prediction.latents, "spoken": torch.cat(frames, dim=1)}
        with torch.autocast(run.z.device.type, enabled=False):
            sounds = {way: codec.render(z.float()).samples[0] for way, z in ways.items() if z.shape[1]}
        pictures.log_audio(self, {f"{name}/{way}": x for way, x in sounds.items()}, codec.grid.sample_rate)
        attention = lewm_pictures.attention_figure(run.prediction.attention[0], symbols)
        pictures.log_figure(self, f"attention/{name}", attention)
