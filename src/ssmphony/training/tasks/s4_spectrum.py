"""Train a voice without mels on speech whose phones have known times: the sound in crops, the prosody in sentences."""

from __future__ import annotations

from functools import partial
from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from ssmphony.audio.frame_features import PITCH_UNIT_HZ
from ssmphony.codecs.spectrum import SpectrumConfig, SpectrumGenerator
from ssmphony.config import Config
from ssmphony.data.dataset import Batch
from ssmphony.data.features.registry import Needs
from ssmphony.models.parallel import FRAME_FEATURES, expand_tokens
from ssmphony.models.s4_spectrum import Contour, S4Spectrum, S4SpectrumConfig, pitch_hz
from ssmphony.nn.gather import take
from ssmphony.training import pictures
from ssmphony.training.config import VoiceConfig
from ssmphony.training.crops import sound_crops
from ssmphony.training.discriminators import AdversarialConfig
from ssmphony.training.losses import MultiScaleMelLoss, masked_mean
from ssmphony.training.text_task import TextTask, TextTaskConfig
from ssmphony.training.voice_module import Trains, VoiceModule
from ssmphony.types import SsmphonyError

SHOWN = 2
"""Number of validation clips that are drawn and logged as audio."""


class ProsodyWeights(Config):
    """What each loss of the prosody weighs."""

    duration: float = 1.0
    """L1 distance of log durations."""
    pitch: float = 1.4
    """L1 distance of the pitch in octaves, where the speech is voiced."""
    voicing: float = 1.0
    """Cross-entropy of voicing."""
    energy: float = 1.0
    """L1 distance of the energy."""


class S4SpectrumTaskConfig(TextTaskConfig):
    """Trains `S4Spectrum` with its ``spectrum`` codec, on corpora that know times and pitch of all phones (kokoro)."""

    kind: Literal["s4_spectrum"] = "s4_spectrum"
    learns: tuple[Literal["sound", "prosody"], ...] = ("sound", "prosody")
    """``sound``: text encoder, speakers and codec, given durations, pitch and energy. ``prosody``: what predicts these.
    They share no weights but the speakers' vectors, which only the sound changes: they can be trained one after the
    other, and ``prosody`` alone is quick."""
    crop: int = Field(default=64, ge=16)
    """Frames of each clip of which sound is made in a step."""
    prosody: ProsodyWeights = ProsodyWeights()
    adversarial: AdversarialConfig | None = None
    """Discriminators of the sound."""

    def build(self, voice: VoiceConfig, seed: int) -> S4SpectrumTask:
        """Raises `SsmphonyError` when a corpus is missing, or does not fit the voice block."""
        symbols = voice.frontend_symbols()
        model, codec = voice.model_settings(n_symbols=len(symbols)), voice.codec_settings()
        if not isinstance(model, S4SpectrumConfig) or not isinstance(codec, SpectrumConfig):
            raise SsmphonyError(
                "task.kind s4_spectrum trains voice.model.kind s4_spectrum with voice.codec.kind spectrum"
            )
        if (model.d_model, model.d_speaker) != (codec.d_text, codec.d_speaker):
            raise SsmphonyError("voice.model.d_model and d_speaker must equal voice.codec.d_text and d_speaker")
        if not self.learns:
            raise SsmphonyError("task.learns is empty: name sound, prosody or both")
        if self.adversarial is not None and "sound" not in self.learns:
            raise SsmphonyError("task.adversarial is of the sound: add it to task.learns, or leave it out")
        return S4SpectrumTask(self, model.build(), codec.build(), symbols, seed)


class Targets(NamedTuple):
    """What the teacher did. ends: (batch, token), the frame after each token's last; hertz: (batch, frame), 0 where
    unvoiced; energy: (batch, frame)."""

    ends: Tensor
    hertz: Tensor
    energy: Tensor


class S4SpectrumTask(TextTask[S4Spectrum, SpectrumGenerator]):
    """Train `S4Spectrum` and `SpectrumGenerator`."""

    def __init__(
        self,
        config: S4SpectrumTaskConfig,
        model: S4Spectrum,
        codec: SpectrumGenerator,
        symbols: tuple[str, ...],
        seed: int,
    ) -> None:
        trains: Trains = "both" if "sound" in config.learns else "model"
        super().__init__(
            config,
            VoiceModule(model, codec, trains),
            symbols,
            model.config.speakers,
            Needs(("samples", "durations", "f0", "energy"), codec.grid),
            seed,
            discriminators=None if config.adversarial is None else config.adversarial.build(),
        )
        self.config = config
        self.spectral = MultiScaleMelLoss(codec.grid.sample_rate)
        self._freeze()

    def _freeze(self) -> None:
        """What is not learnt stays as it is, without weight decay."""
        model = self.model
        sound, prosody = (name in self.config.learns for name in ("sound", "prosody"))
        model.requires_grad_(prosody)
        model.text.requires_grad_(sound)
        model.speakers.requires_grad_(sound)

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.begin_step()
        targets = self.targets(batch)
        losses, total = dict[str, Tensor](), torch.zeros((), device=self.device)
        if "prosody" in self.config.learns:
            losses |= self.prosody_losses(batch, targets)
            total = total + losses["prosody"]
        if "sound" in self.config.learns:
            made, real = self.crops(batch, targets)
            losses["spectral"] = self.spectral(made, real)
            total = total + losses["spectral"] + self.against(self.config.adversarial, losses, real, made)
        self.descend(total)
        self.log_losses("train", losses, len(batch.names))
        self.end_step()

    def targets(self, batch: Batch) -> Targets:
        """Durations, pitch and energy of the batch."""
        return Targets(batch.features["durations"].cumsum(dim=1), batch.f0, batch.features["energy"])

    def crops(self, batch: Batch, targets: Targets) -> tuple[Tensor, Tensor]:
        """Sound of a random stretch of each clip, given its prosody, and the recording's: (batch, samples) each."""
        return sound_crops(self.codec, batch, self.config.crop, partial(self.frames, batch, targets))

    def frames(self, batch: Batch, targets: Targets, window: Tensor) -> Tensor:
        """Frames for the codec at the places ``window`` (batch, n), with the recording's prosody."""
        speaker = self.model.speakers(batch.speakers)
        text = self.model.text(batch.ids, batch.word_positions, batch.token_mask, speaker)
        token = torch.searchsorted(targets.ends, window.contiguous(), right=True).clamp(max=text.shape[1] - 1)
        pitch, energy, present = (take(x, window) for x in (targets.hertz, targets.energy, batch.frame_mask))
        prosody = torch.stack([pitch / PITCH_UNIT_HZ, energy], dim=-1)
        same = speaker[:, None].expand(-1, window.shape[1], -1)
        return torch.cat([take(text, token), prosody, same], dim=-1) * present[..., None]

    def prosody_losses(self, batch: Batch, targets: Targets) -> dict[str, Tensor]:
        """Means over tokens and frames; ``prosody`` is their weighted sum."""
        weights = self.config.prosody
        log_durations, contour = self.predict(batch, targets.ends)
        durations = batch.features["durations"]
        voiced = targets.hertz > 0.0
        octaves = targets.hertz.clamp(min=1.0).log2() - self.model.speaker_pitch[batch.speakers][:, None]
        voicing = F.binary_cross_entropy_with_logits(contour.voicing, voiced.float(), reduction="none")
        losses = {
            "duration": masked_mean((log_durations - durations.clamp(min=1).log()).abs(), durations > 0),
            "pitch": masked_mean((contour.octaves - octaves).abs(), voiced),
            "voicing": masked_mean(voicing, batch.frame_mask),
            "energy": masked_mean((contour.energy - targets.energy).abs(), batch.frame_mask),
        }
        shares = weights.model_dump()
        losses["prosody"] = torch.stack([shares[name] * value for name, value in losses.items()]).sum()
        return losses

    def predict(self, batch: Batch, ends: Tensor) -> tuple[Tensor, Contour]:
        """Log durations (batch, token), and the contour of frames whose tokens end at ``ends``."""
        model = self.model
        speaker = model.speakers(batch.speakers).detach()
        states = model.prosody(batch.ids, batch.word_positions, batch.token_mask, speaker)
        encoded = torch.cat([states, torch.zeros_like(states[..., :1])], dim=-1)
        count = int(ends[:, -1].max())
        x, mask, _ = expand_tokens(encoded, ends, torch.zeros_like(ends[:, 0]), count)
        glide = states.shape[-1]
        x = torch.cat([x[..., :glide], x[..., -FRAME_FEATURES:]], dim=-1)
        contour = model.contour(x, speaker[:, None].expand(-1, count, -1), mask)
        return model.duration(states), contour

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        targets, losses, total = self.targets(batch), dict[str, Tensor](), torch.zeros((), device=self.device)
        if "prosody" in self.config.learns:
            losses |= self.prosody_losses(batch, targets) | self._errors(batch, targets)
            total = total + losses["prosody"]
        made = self.sound(batch, targets)
        real = F.pad(batch.features["samples"], (0, made.shape[1]))[:, : made.shape[1]]
        if "sound" in self.config.learns:
            losses["spectral"] = self.spectral(made, real)
            total = total + losses["spectral"]
        self.log_losses("val", losses | {"loss": total}, batch_size=1)
        if batch_idx < SHOWN and self.trainer.is_global_zero:
            self._show(batch, {"recording": real[0], "model, given its prosody": made[0]}, targets)

    def sound(self, batch: Batch, targets: Targets) -> Tensor:
        """Whole clips with the prosody of ``targets``: (batch, frames * hop_length) samples."""
        window = torch.arange(batch.frame_mask.shape[1], device=self.device).expand(len(batch.names), -1)
        return self.codec(self.frames(batch, targets, window))

    def _errors(self, batch: Batch, targets: Targets) -> dict[str, Tensor]:
        """Of durations in milliseconds, of the pitch as the root mean square of natural logarithms, of voicing."""
        log_durations, contour = self.predict(batch, targets.ends)
        durations = batch.features["durations"]
        predicted = log_durations.exp().round().clamp(min=1)
        inner = batch.token_mask.clone()
        inner[:, 0] = False  # the silences at the ends are of the recording, not of its speaker
        inner[torch.arange(len(inner)), batch.token_mask.sum(dim=1) - 1] = False
        level = self.model.speaker_pitch[batch.speakers][:, None].expand_as(contour.octaves)
        hertz = pitch_hz(contour._replace(voicing=torch.ones_like(contour.voicing)), level)
        voiced = targets.hertz > 0.0
        error = (hertz / targets.hertz.clamp(min=1.0)).log().square()
        return {
            "duration_ms": masked_mean((predicted - durations).abs(), inner) * 1000.0 / self.codec.grid.frame_rate,
            "log_f0_rmse": masked_mean(error, voiced).sqrt(),
            "voicing_error": masked_mean(((contour.voicing > 0.0) != voiced).float(), batch.frame_mask),
        }

    def _show(self, batch: Batch, sounds: dict[str, Tensor], targets: Targets) -> None:
        """Spectrograms and sounds of one clip, also with the model's own pitch and energy."""
        name, (_, contour) = batch.names[0], self.predict(batch, targets.ends)
        level = self.model.speaker_pitch[batch.speakers][:, None].expand_as(contour.octaves)
        own = targets._replace(hertz=pitch_hz(contour, level), energy=contour.energy)
        sounds = {**sounds, "model, in the recording's timing": self.sound(batch, own)[0]}
        pictures.log_sounds(self, name, sounds, self.codec.grid)
