"""Train a non-autoregressive acoustic model: alignment, prosody and mel losses in one step."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader

from ssmphony.alignment.monotonic import anchor_penalty, search, token_means
from ssmphony.config import Config
from ssmphony.data.dataset import Batch, Bucketing, Corpus, Utterances
from ssmphony.models.s4_acoustic import Prosody, S4Acoustic, expand_tokens
from ssmphony.ssm import parameter_groups
from ssmphony.training import pictures
from ssmphony.training.config import VoiceBlock
from ssmphony.training.schedule import OptimiserConfig, Steps, seed_step
from ssmphony.types import AudioFormat
from ssmphony.voices.weights import Part


class AcousticTaskConfig(Config):
    """``batch_size`` clips and ``max_frames`` frames, padding included, bound a batch."""

    kind: Literal["acoustic"] = "acoustic"
    corpora: tuple[Corpus, ...]
    validation: tuple[Corpus, ...]
    batch_size: int = 16
    max_frames: int = 8000
    max_seconds: float = 12.0
    anchor_tolerance: float = 5.0
    mse_weight: float = 0.5
    delta_weight: float = 0.5
    prior_weight: float = 0.5
    duration_weight: float = 0.5
    prosody_weight: float = 0.2
    optimiser: OptimiserConfig = OptimiserConfig(betas=(0.9, 0.98))

    def build(self, voice: VoiceBlock, seed: int) -> AcousticTask:
        symbols = voice.frontend_symbols()
        model = voice.model_settings(n_symbols=len(symbols)).build()
        return AcousticTask(self, model, symbols, voice.codec_settings().format, seed)


class Targets(NamedTuple):
    """What the recording says of each token: durations in frames, pitch, energy, and which tokens are voiced."""

    durations: Tensor
    pitch: Tensor
    energy: Tensor
    voiced: Tensor


class Reconstruction(NamedTuple):
    """mel, made: (batch, frame, n_mels) normalised, the recording's and the model's; prior: (batch, token, n_mels);
    token: (batch, frame), the token each frame speaks; and what the predictors say of durations, pitch and energy."""

    mel: Tensor
    made: Tensor
    prior: Tensor
    token: Tensor
    prediction: Prosody
    targets: Targets


class AcousticTask(L.LightningModule):
    """Lightning task around `S4Acoustic`; ``model`` is what is saved and exported."""

    part: Part = "model"

    def __init__(
        self, config: AcousticTaskConfig, model: S4Acoustic, symbols: tuple[str, ...], audio: AudioFormat, seed: int
    ) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.symbols = symbols
        self.seed = seed
        self.step = 0
        speakers = model.config.speakers
        self.utterances = Utterances(config.corpora, symbols, speakers, audio, config.max_seconds)
        self.held_out = Utterances(config.validation, symbols, speakers, audio, config.max_seconds)
        self.bucketing = Bucketing(self.utterances, config.batch_size, config.max_frames, seed)
        self.mean_log2_f0 = self.utterances.mean_log2_f0()

    # -- data -----------------------------------------------------------------------------------------------------

    def train_dataloader(self) -> DataLoader[Any]:
        def make(step: int) -> Batch:
            return self.utterances.batch(self.bucketing(step * self.trainer.world_size + self.global_rank))

        return Steps(make, lambda: self.step).loader()

    def val_dataloader(self) -> DataLoader[Any]:
        batches = [self.held_out.batch([index]) for index in range(len(self.held_out))]
        return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]

    # -- optimisation ---------------------------------------------------------------------------------------------

    def configure_optimizers(self) -> Any:
        settings = self.config.optimiser
        groups = parameter_groups(self.model, settings.lr, settings.weight_decay)
        optimiser = AdamW(groups, settings.lr, settings.betas)  # type: ignore[arg-type]
        schedule = {"scheduler": LambdaLR(optimiser, settings.factor), "interval": "step"}
        return {"optimizer": optimiser, "lr_scheduler": schedule}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        seed_step(self.seed, self.step)
        losses, _, _ = self._losses(batch)
        self.log_dict({f"train/{name}": value for name, value in losses.items()}, batch_size=len(batch.names))
        self.step += 1
        if self.step >= self.config.optimiser.max_steps:
            self.trainer.should_stop = True
        return losses["loss"]

    def reconstruct(self, batch: Batch) -> Reconstruction:
        """The recording as the model says it: with the recording's durations, pitch and energy (teacher forcing)."""
        model = self.model
        mel = model.normalise(batch.mels)
        h = model.encode(batch.ids, batch.word_positions, batch.token_mask, batch.speakers)
        prior = model.prior(h)
        targets = self._align(batch, mel, prior.detach())
        prediction = model.predict(h, batch.token_mask)
        encoded = model.condition(h, targets.pitch, targets.energy, batch.token_mask)
        ends = targets.durations.cumsum(dim=1)
        start = torch.zeros(len(ends), dtype=torch.long, device=ends.device)
        x, mask, token = expand_tokens(encoded, ends, start, mel.shape[1])
        return Reconstruction(mel, model.decode_all(x, mask), prior, token, prediction, targets)

    def _losses(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor, Targets]:
        config = self.config
        mel, made, prior, token, prediction, targets = self.reconstruct(batch)
        spread = prior.gather(1, token[..., None].expand(-1, -1, prior.shape[2]))
        log_durations = torch.log(targets.durations.clamp(min=1).float())
        moving = batch.frame_mask[:, 1:]
        losses = {
            "mel_l1": masked_mean((made - mel).abs().mean(-1), batch.frame_mask),
            "mel_mse": masked_mean((made - mel).square().mean(-1), batch.frame_mask),
            "delta": masked_mean((made.diff(dim=1) - mel.diff(dim=1)).abs().mean(-1), moving),
            "prior": masked_mean(0.5 * (spread - mel).square().mean(-1), batch.frame_mask),
            "duration": masked_mean((prediction.log_durations - log_durations).square(), batch.token_mask),
            "pitch": masked_mean((prediction.pitch - targets.pitch).square(), targets.voiced),
            "energy": masked_mean((prediction.energy - targets.energy).square(), batch.token_mask),
        }
        losses["loss"] = (
            losses["mel_l1"]
            + config.mse_weight * losses["mel_mse"]
            + config.delta_weight * losses["delta"]
            + config.prior_weight * losses["prior"]
            + config.duration_weight * losses["duration"]
            + config.prosody_weight * (losses["pitch"] + losses["energy"])
        )
        return losses, made, targets

    @torch.no_grad()
    def _align(self, batch: Batch, mel: Tensor, prior: Tensor) -> Targets:
        """Durations by monotonic alignment inside the known times, and the recording's prosody averaged over them."""
        value = (
            torch.bmm(prior, mel.transpose(1, 2))
            - 0.5 * prior.square().sum(-1)[:, :, None]
            - 0.5 * mel.square().sum(-1)[:, None, :]
        )
        penalty = anchor_penalty(batch.anchors, prior.shape[1], mel.shape[1], self.config.anchor_tolerance)
        token_lengths = batch.token_mask.sum(1).cpu().numpy()
        frame_lengths = batch.frame_mask.sum(1).cpu().numpy()
        durations = search(value.float().cpu().numpy() + penalty, token_lengths, frame_lengths)
        energy = mel.mean(-1).cpu().numpy()
        f0 = batch.f0.cpu().numpy()
        pitches, energies, voiced = np.zeros(durations.shape, "f4"), np.zeros(durations.shape, "f4"), durations > 0
        for row, speaker in enumerate(batch.speakers.tolist()):
            n = int(token_lengths[row])
            sounding = f0[row] > 0
            octaves = np.log2(np.where(sounding, f0[row], 1.0)) - self.mean_log2_f0.get(speaker, 0.0)
            pitches[row, :n], voiced[row, :n] = token_means(octaves, sounding, durations[row, :n])
            voiced[row, n:] = False
            energies[row, :n], _ = token_means(energy[row], np.ones(len(f0[row]), bool), durations[row, :n])
        arrays = (durations, pitches, energies, voiced)
        return Targets(*(torch.from_numpy(array).to(mel.device) for array in arrays))

    # -- validation and checkpoints -------------------------------------------------------------------------------

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        losses, made, targets = self._losses(batch)
        h = self.model.encode(batch.ids, batch.word_positions, batch.token_mask, batch.speakers)
        prosody = self.model.predict(h, batch.token_mask)
        predicted = prosody.log_durations.exp().round().clamp(min=1)
        losses["duration_error"] = (predicted - targets.durations).abs().sum() / targets.durations.sum()
        losses["length_ratio"] = predicted.sum() / targets.durations.sum()
        self.log_dict({f"val/{name}": value for name, value in losses.items()}, batch_size=1)
        if batch_idx < 2:
            symbols = [self.symbols[index] for index in batch.ids[0].tolist()]
            starts = (targets.durations.cumsum(1) - targets.durations)[0].tolist()
            mels = {"recording": batch.mels[0], "model": self.model.denormalise(made[0])}
            pictures.log_mels(self, f"mel/{batch.names[0]}", mels, {"recording": (starts, symbols)})

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["step"] = self.step

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.step = checkpoint["step"]


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values where mask is true; 0 where it never is."""
    return (values * mask).sum() / mask.sum().clamp(min=1)
