"""Train a non-autoregressive acoustic model: alignment, prosody and mel losses in one step."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.codecs.codec import LOG_MEL
from ssmphony.config import Config
from ssmphony.data.dataset import Batch, Utterances
from ssmphony.data.features.registry import Needs
from ssmphony.models.parallel import expand_tokens
from ssmphony.models.s4_acoustic import Prosody, S4Acoustic, with_contour
from ssmphony.training import pictures
from ssmphony.training.config import VoiceConfig
from ssmphony.training.discriminators import MelDiscriminators
from ssmphony.training.listening import Listening
from ssmphony.training.losses import dissimilarity, masked_mean, random_windows
from ssmphony.training.targets import Targets, align, alignment_scores, average
from ssmphony.training.text_task import TextTask, TextTaskConfig
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import MelFormat, SsmphonyError

MEL_RANGE = 12.0
"""From the floor to the loudest, in nats: the range from black to white of SSIM."""
SHOWN = 2
"""Validation clips that are logged as pictures and sound."""


class MelAdversaryConfig(Config):
    """Discriminators of stretches of log-mel."""

    width: int = Field(default=16, ge=1)
    """Channels of their first layer."""
    windows: tuple[int, ...] = (32, 64, 128)
    """A discriminator each, of stretches of this many frames."""
    start_step: int = Field(default=0, ge=0)
    """Before it the other losses train alone."""
    weight: float = 0.05
    """Weight of the generator's loss."""
    feature_weight: float = 0.05
    """Weight of feature matching."""

    def build(self) -> MelDiscriminators:
        return MelDiscriminators(self.width, self.windows)


class S4AcousticTaskConfig(TextTaskConfig):
    """Trains `S4Acoustic`. The weights are those of the losses in addition to the L1 distance of the mel."""

    kind: Literal["s4_acoustic"] = "s4_acoustic"
    vocoder: str | None = None
    """A run, checkpoint or voice whose codec decodes the validation clips; without one Griffin-Lim does."""
    timing: Literal["aligned", "corpus"] = "aligned"
    """Where durations come from: from an alignment that is learnt, inside whatever times the corpus knows; or from the
    corpus itself, which then has a time for each phone."""
    anchor_tolerance: float = Field(default=5.0, ge=0.0)
    """Frames by which the alignment may leave the known times, see `anchor_penalty`."""
    mse_weight: float = 0.5
    """Squared error of the mel."""
    delta_weight: float = 0.5
    """L1 distance of the mel's change from frame to frame."""
    prior_weight: float = 0.5
    """Likelihood of the mel under the means that the alignment uses."""
    duration_weight: float = 0.5
    """Squared error of log durations."""
    prosody_weight: float = 0.2
    """Squared error of pitch and energy."""
    ssim_weight: float = 0.0
    """Structural dissimilarity, see `dissimilarity`: against smoothed spectra."""
    adversary: MelAdversaryConfig | None = None
    """Discriminators of the mel: against smoothed spectra."""

    def build(self, voice: VoiceConfig, seed: int) -> S4AcousticTask:
        """Raises `SsmphonyError` when a corpus is missing, or does not fit the voice block."""
        symbols = voice.frontend_symbols()
        model = voice.model_settings(n_symbols=len(symbols)).build()
        codec = voice.codec_settings()
        if codec.frames != LOG_MEL:
            raise SsmphonyError(f"voice.codec.kind {codec.kind} has frames of its own; s4_acoustic makes log-mel")
        if codec.format.n_mels != model.config.n_mels:
            raise SsmphonyError(
                f"voice.model.n_mels is {model.config.n_mels} and voice.codec.format.n_mels {codec.format.n_mels}: "
                "they must be equal"
            )
        task = S4AcousticTask(self, model, symbols, codec.format, seed)
        _check_files(task.utterances)
        _check_files(task.held_out)
        task.listening = Listening(codec, self.vocoder)
        return task


class Reconstruction(NamedTuple):
    """A teacher-forced pass.

    mel, output: (batch, frame, n_mels) normalised, the recording's and the model's; prior: (batch, token, n_mels);
    token: (batch, frame), the token of each frame; prediction, targets: durations, pitch and energy, predicted and
    recorded.
    """

    mel: Tensor
    output: Tensor
    prior: Tensor
    token: Tensor
    prediction: Prosody
    targets: Targets


class S4AcousticTask(TextTask[S4Acoustic, None]):
    """Train `S4Acoustic`."""

    listening: Listening | None = None

    def __init__(
        self, config: S4AcousticTaskConfig, model: S4Acoustic, symbols: tuple[str, ...], audio: MelFormat, seed: int
    ) -> None:
        super().__init__(
            config,
            VoiceModule(model, None, "model"),
            symbols,
            model.config.speakers,
            Needs.of_mel(audio, ("mel", "f0", "durations") if config.timing == "corpus" else ("mel", "f0")),
            seed,
            discriminators=None if config.adversary is None else config.adversary.build(),
        )
        self.config = config
        self.mean_log2_f0 = self.utterances.mean_log2_f0()

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.begin_step()
        result = self.reconstruct(batch)
        losses = self.losses(batch, result)
        loss, adversary = losses["loss"], self.config.adversary
        if adversary is not None and self.discriminators is not None and self.step >= adversary.start_step:
            losses |= self._compete(self.discriminators, batch, result, adversary.windows)
            loss = loss + adversary.weight * losses["generator"] + adversary.feature_weight * losses["features"]
        self.descend(loss)
        self.log_losses("train", losses, len(batch.names))
        self.end_step()

    def _compete(
        self, discriminators: nn.Module, batch: Batch, result: Reconstruction, windows: tuple[int, ...]
    ) -> dict[str, Tensor]:
        """Show both mels at the same random places; a clip shorter than a window is padded with silence."""
        missing = (0, 0, 0, max(0, max(windows) - result.mel.shape[1]))
        mask = batch.frame_mask[..., None]
        real, fake = (F.pad(mel * mask, missing) for mel in (result.mel, result.output))
        places = [random_windows(batch.frame_mask.sum(1), window) for window in windows]
        return self.compete(discriminators, lambda mel: discriminators(mel, places), real, fake)

    def reconstruct(self, batch: Batch) -> Reconstruction:
        """Teacher forcing: the model with the recording's durations, pitch and energy."""
        model = self.model
        mel = model.normalise(batch.mels)
        h = model.encode(batch.ids, batch.word_positions, batch.token_mask, batch.speakers)
        prior = model.prior(h)
        if self.config.timing == "corpus":
            durations = batch.features["durations"]
        else:
            durations = align(batch, mel.detach(), prior.detach(), self.config.anchor_tolerance)
        targets = average(batch, mel.detach(), durations, self.mean_log2_f0)
        prediction = model.predict(h, batch.token_mask, detached=self.config.timing == "aligned")
        encoded = model.condition(h, targets.pitch, targets.energy, batch.token_mask)
        ends = targets.durations.cumsum(dim=1)
        start = torch.zeros(len(ends), dtype=torch.long, device=ends.device)
        x, mask, token = expand_tokens(encoded, ends, start, mel.shape[1])
        x = with_contour(x, targets.contour * mask)
        return Reconstruction(mel, model.decode_all(x, mask), prior, token, prediction, targets)

    def losses(self, batch: Batch, result: Reconstruction) -> dict[str, Tensor]:
        """Means over the frames and tokens of the batch; ``loss`` is their weighted sum."""
        config = self.config
        mel, output, prior, token, prediction, targets = result
        spread = prior.gather(1, token[..., None].expand(-1, -1, prior.shape[2]))
        log_durations = torch.log(targets.durations.clamp(min=1).float())
        moving = batch.frame_mask[:, 1:]
        losses = {
            "mel_l1": masked_mean((output - mel).abs().mean(-1), batch.frame_mask),
            "mel_mse": masked_mean((output - mel).square().mean(-1), batch.frame_mask),
            "delta": masked_mean((output.diff(dim=1) - mel.diff(dim=1)).abs().mean(-1), moving),
            "prior": masked_mean(0.5 * (spread - mel).square().mean(-1), batch.frame_mask),
            "duration": masked_mean((prediction.log_durations - log_durations).square(), batch.token_mask),
            "pitch": masked_mean((prediction.pitch - targets.pitch).square(), batch.token_mask),
            "energy": masked_mean((prediction.energy - targets.energy).square(), batch.token_mask),
        }
        if config.ssim_weight:
            losses["ssim"] = dissimilarity(self._picture(output), self._picture(mel), batch.frame_mask)
        losses["loss"] = (
            losses["mel_l1"]
            + config.mse_weight * losses["mel_mse"]
            + config.delta_weight * losses["delta"]
            + config.prior_weight * losses["prior"]
            + config.duration_weight * losses["duration"]
            + config.prosody_weight * (losses["pitch"] + losses["energy"])
            + config.ssim_weight * losses.get("ssim", 0.0)
        )
        return losses

    def _picture(self, mel: Tensor) -> Tensor:
        """Scale normalised mel to a picture for SSIM: 0 for silence, about 1 for the loudest."""
        return (self.model.denormalise(mel) - self.model.config.mel_floor) / MEL_RANGE

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        result = self.reconstruct(batch)
        losses = self.losses(batch, result)
        predicted = result.prediction.log_durations.exp().round().clamp(min=1) * batch.token_mask
        recorded = result.targets.durations
        losses["duration_error"] = (predicted - recorded).abs().sum() / recorded.sum()
        losses["length_ratio"] = predicted.sum() / recorded.sum()
        self.log_losses("val", losses, batch_size=1)
        if batch_idx < SHOWN and self.trainer.is_global_zero:
            self._show(batch, result, predicted)

    def _show(self, batch: Batch, result: Reconstruction, predicted: Tensor) -> None:
        """Pictures and sounds of one clip: the recording, the model with its prosody, and the model on its own."""
        name = batch.names[0]
        symbols = [self.symbols[index] for index in batch.ids[0].tolist()]
        ends, own_ends = result.targets.durations.cumsum(1), predicted.long().cumsum(1)
        given, own = self.model.denormalise(result.output), self.model.denormalise(self._speak(batch, own_ends))
        mels = {"recording": batch.mels[0], "model, given its prosody": given[0], "model": own[0]}
        edges = {"recording": (_starts(ends), symbols), "model": (_starts(own_ends), symbols)}
        pictures.log_mels(self, f"mel/{name}", mels, edges)
        scores = alignment_scores(result.prior, result.mel)[0]
        pictures.log_alignment(self, f"alignment/{name}", scores, result.targets.durations[0], predicted[0], symbols)
        if self.listening is not None:
            sounds = {f"{title}/{name}": self.listening.sound(mel) for title, mel in mels.items()}
            pictures.log_audio(self, sounds, self.listening.sample_rate)

    def _speak(self, batch: Batch, ends: Tensor) -> Tensor:
        """Normalised mel (batch, frame, n_mels) with the model's own prosody; token i ends at frame ``ends[i]``."""
        h = self.model.encode(batch.ids, batch.word_positions, batch.token_mask, batch.speakers)
        prosody = self.model.predict(h, batch.token_mask)
        encoded = self.model.condition(h, prosody.pitch, prosody.energy, batch.token_mask)
        x, mask, _ = expand_tokens(encoded, ends, torch.zeros_like(ends[:, 0]), int(ends.max()))
        return self.model.decode_all(x, mask)


def _check_files(utterances: Utterances) -> None:
    """Raise `SsmphonyError` for missing files now, not in the tenth hour of a training."""
    for clip, folder in zip(utterances.clips, utterances.folders, strict=True):
        for path in (folder / clip.audio, folder / "f0" / f"{clip.id}.npy"):
            if not path.is_file():
                raise SsmphonyError(f"{path} is missing: prepare the corpus again")


def _starts(ends: Tensor) -> list[float]:
    return [0.0, *ends[0, :-1].tolist()]
