"""Train Fish Speech on state spaces: the next frame of codes, from those before it and from the text."""

from __future__ import annotations

from typing import Any, Literal, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from ssmphony.codecs.codec import NetworkCodec
from ssmphony.codecs.log_mel import LogMel
from ssmphony.data.dataset import Batch, Utterances
from ssmphony.data.features.codes import CodesFeature
from ssmphony.data.features.registry import Needs
from ssmphony.interfaces import Encoder
from ssmphony.models.fish import UNNAMED, FishConfig
from ssmphony.models.fish_model import Fish, Prediction
from ssmphony.nn.weights import checksum
from ssmphony.sampling import NO_CODE
from ssmphony.ssm.masking import hide
from ssmphony.training import pictures
from ssmphony.training.config import VoiceConfig
from ssmphony.training.initial import load_codec
from ssmphony.training.lewm_losses import alignment_loss, spoken_tokens
from ssmphony.training.losses import masked_mean
from ssmphony.training.schedule import OptimiserConfig
from ssmphony.training.text_task import TextTask, TextTaskConfig
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import SsmphonyError, Style, Tokens

SHOWN = 2
"""Validation clips that are spoken and logged as sound."""


class FishTaskConfig(TextTaskConfig):
    """Trains the token model on the codes of a trained codec, which are computed once and kept with the corpus."""

    kind: Literal["fish"] = "fish"
    codec: str | None = None
    """A voice, run or checkpoint whose codec makes the codes; None leaves it untrained, which is for tests."""
    corruption: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the codes that are read that are replaced by random ones: against the difference between reading
    recordings and reading what was drawn."""
    text_dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of clips that are spoken without their text, for guidance. Not of ``text: prefix``."""
    speaker_dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of clips whose speaker is replaced by ``anyone``."""
    prompt_share: float = Field(default=0.25, ge=0.0, lt=1.0)
    """Share of clips before which a stretch of another clip of the speaker is read; they are spoken as ``anyone``. With
    any share, so are all clips of speakers who are not in the table. Not of ``text: prefix``."""
    prompt_frames: int = Field(default=120, ge=1)
    """The most frames of such a stretch."""
    reference_s: float = Field(default=3.0, gt=0.0)
    """With ``d_style``, the length of the stretch of another clip that tells those clips their speaker."""
    duration_weight: float = Field(default=0.2, ge=0.0)
    """Squared error of log durations, of ``text: aligned``."""
    stop_weight: float = Field(default=0.1, ge=0.0)
    """Cross-entropy of the end; not of ``text: aligned``."""
    stop_positive: float = Field(default=20.0, gt=0.0)
    """Weight of the end against all other frames."""
    alignment_weight: float = Field(default=0.2, ge=0.0)
    """Attention of ``text: cross`` to other tokens than those spoken, or the error of the place of ``prefix``."""
    anchored_width: float = Field(default=2.0, gt=0.0)
    """Attention is held within this many tokens of those spoken."""
    optimiser: OptimiserConfig = OptimiserConfig(lr=6e-4, betas=(0.9, 0.95), warmup=1000)

    def build(self, voice: VoiceConfig, seed: int) -> FishTask:
        """Raises `SsmphonyError` when a corpus is missing, or does not fit the voice block."""
        symbols = voice.frontend_symbols()
        model, settings = voice.model_settings(n_symbols=len(symbols)), voice.codec_settings()
        if not isinstance(model, FishConfig):
            raise SsmphonyError("task.kind fish trains voice.model.kind fish")
        codec = settings.build()
        if not isinstance(codec, NetworkCodec) or not isinstance(codec, Encoder) or not codec.grid.codebooks:
            raise SsmphonyError(f"a codec of kind '{settings.kind}' has no codes: choose fsq")
        if codec.grid.codebooks != model.codebooks:
            raise SsmphonyError(
                f"voice.model.codebooks is {list(model.codebooks)}, the codec's are {list(codec.grid.codebooks)}: they "
                "must be equal"
            )
        unnamed = (self.speaker_dropout, self.prompt_share if model.text != "prefix" else 0.0)
        if any(unnamed) and UNNAMED not in model.speakers:
            raise SsmphonyError(f"task.speaker_dropout and prompt_share need '{UNNAMED}' among voice.model.speakers")
        if model.d_style and not self.prompt_share:
            raise SsmphonyError("voice.model.d_style is trained by references: task.prompt_share must be above 0")
        if model.d_style and model.reference.sample_rate != codec.grid.sample_rate:
            raise SsmphonyError("voice.model.reference.sample_rate must equal voice.codec.sample_rate")
        if self.codec is not None:
            load_codec(codec, self.codec)
        return FishTask(self, VoiceModule(model.build(), codec, "model"), symbols, seed)


class FishTask(TextTask[Fish, NetworkCodec]):
    """Train `Fish`; the codec is not trained."""

    def __init__(
        self, config: FishTaskConfig, voice: VoiceModule[Fish, NetworkCodec], symbols: tuple[str, ...], seed: int
    ) -> None:
        model, codec = voice.model, voice.codec
        names = ("codes", *["durations"] * (model.aligned is not None), *["reference"] * (model.style is not None))
        encoder, seconds = cast("Encoder", codec), config.reference_s
        needs = Needs(names, codec.grid, encoder=encoder, identity=checksum(codec), reference_s=seconds, seed=seed)
        known = model.speaker_names
        names = config.speaker_names(known) if UNNAMED in known else known
        super().__init__(config, voice, symbols, names, needs, seed)
        self.config = config
        self.reference_mel = LogMel(model.config.reference)
        self.prompts = model.config.text != "prefix" and config.prompt_share > 0.0

    def make_batch(self, utterances: Utterances, indices: list[int], number: int = 0) -> Batch:
        """With ``prompt`` (batch, frame, codebook), `NO_CODE` after the end, where prompts are trained."""
        batch = utterances.batch(indices, number)
        if self.prompts:
            rows = [torch.from_numpy(self._prompt(utterances, index, number)) for index in indices]
            batch.features["prompt"] = pad_sequence(rows, batch_first=True, padding_value=NO_CODE)
        return batch

    def _prompt(self, utterances: Utterances, index: int, number: int) -> Any:
        chosen, random = utterances.references.other(index, number)
        feature = next(feature for feature in self.utterances.needs.features if isinstance(feature, CodesFeature))
        codes = feature.read(utterances.sources[chosen])
        most = min(len(codes), self.config.prompt_frames)
        length = int(random.integers(min(most, self.config.prompt_frames // 4), most + 1))
        first = int(random.integers(len(codes) - length + 1))
        return codes[first : first + length]

    def training_step(self, batch: Batch, batch_idx: int) -> None:
        self.begin_step()
        losses = self.losses(batch)
        self.descend(losses["loss"])
        self.log_losses("train", losses, len(batch.names))
        self.end_step()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        self.log_losses("val", self.losses(batch), batch_size=1)
        if batch_idx < SHOWN and self.trainer.is_global_zero:
            self._speak(batch)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Cross-entropies and their weighted sum ``loss``, and the share of first codes that are the likeliest."""
        model, config = self.model, self.config
        count = batch.frame_mask.sum(1)
        codes, mask = model.delayed(batch.features["codes"][:, : batch.frame_mask.shape[1]], batch.frame_mask)
        if model.stop is not None and not model.delay:  # one more step, for the end
            codes, mask = F.pad(codes, (0, 0, 0, 1), value=NO_CODE), F.pad(mask, (1, 0), value=True)
        index = torch.arange(codes.shape[1], device=codes.device)
        real = (index[:, None] - torch.arange(codes.shape[2], device=codes.device) * bool(model.delay)) < count[
            :, None, None
        ]
        targets = codes.masked_fill(~real, NO_CODE)
        prediction, durations = self._predict(batch, targets, mask)
        losses = self._code_losses(prediction, targets[mask])
        total = losses["codes"]
        if durations is not None:
            error = (durations - batch.features["durations"].clamp(min=1).log()).square()
            losses["duration"] = masked_mean(error, batch.token_mask)
            total = total + config.duration_weight * losses["duration"]
        if prediction.stops is not None:
            before, last = index <= count[:, None], (index == count[:, None]).float()
            weight = torch.tensor(config.stop_positive, device=codes.device)
            bits = F.binary_cross_entropy_with_logits(prediction.stops, last[mask], reduction="none", pos_weight=weight)
            losses["stop"] = masked_mean(bits, before[mask])
            total = total + config.stop_weight * losses["stop"]
        if prediction.attention is not None or prediction.places is not None:
            losses["alignment"] = self._alignment_loss(batch, prediction, mask & (index < count[:, None]), mask)
            total = total + config.alignment_weight * losses["alignment"]
        return losses | {"loss": total}

    def _predict(self, batch: Batch, targets: Tensor, mask: Tensor) -> tuple[Prediction, Tensor | None]:
        """Teacher forcing, with random codes among those read in training; and log durations (batch, token)."""
        model, config, codes = self.model, self.config, targets
        speakers, dropped, layers, styles = batch.speakers, None, None, None
        strangers = speakers >= len(model.speaker_names)
        unnamed = model.speaker_names.index(UNNAMED) if UNNAMED in model.speaker_names else None
        if unnamed is not None:
            speakers = speakers.masked_fill(strangers, unnamed)
        if self.training:
            chance = torch.rand(3, len(codes), device=codes.device)
            wrong = torch.rand(codes.shape, device=codes.device) < config.corruption
            codes = torch.where(wrong & (codes >= 0), torch.randint_like(codes, model.codebooks[0]), codes)
            dropped = chance[0] < config.text_dropout if model.config.text != "prefix" else None
            if unnamed is not None:
                speakers = speakers.masked_fill(chance[1] < config.speaker_dropout, unnamed)
                if self.prompts:
                    prompt, prompted = batch.features["prompt"], strangers | (chance[2] < config.prompt_share)
                    layers = model.after_prompt(prompt, (prompt[..., 0] >= 0) & prompted[:, None])
                    speakers = speakers.masked_fill(prompted, unnamed)
                    styles = self._styles(batch, prompted)
        h = model.read(batch.ids, batch.token_mask, speakers, styles)
        ends = durations = None
        if model.aligned is not None:
            ends = batch.features["durations"].cumsum(1).to(h.dtype)
            durations = model.aligned.duration(h)
        made = model.teacher_forced(codes, targets, mask, h, batch.token_mask, ends, layers, dropped)
        return made, durations

    def _styles(self, batch: Batch, rows: Tensor) -> Tensor | None:
        """Vectors (batch, d_style) of the speakers of ``rows`` (batch,), zeros elsewhere; None without ``d_style``."""
        if self.model.style is None:
            return None
        mel = self.reference_mel(batch.features["reference"])
        vectors = self.model.style(mel, torch.ones_like(mel[..., 0], dtype=torch.bool))
        return hide(vectors, rows)

    def _code_losses(self, prediction: Prediction, targets: Tensor) -> dict[str, Tensor]:
        logits = prediction.logits.float().transpose(1, 2)
        nats = F.cross_entropy(logits, targets, ignore_index=NO_CODE, reduction="none")
        each = nats.sum(0) / (targets >= 0).sum(0).clamp(min=1)
        right = (logits[..., 0].argmax(1) == targets[:, 0])[targets[:, 0] >= 0]
        losses = {f"code_{k}": loss for k, loss in enumerate(each)}
        return losses | {"codes": each.mean(), "right": right.float().mean()}

    def _alignment_loss(self, batch: Batch, prediction: Prediction, spoken: Tensor, mask: Tensor) -> Tensor:
        middles = np.arange(mask.shape[1]) + 0.5
        counts, frames = batch.token_mask.sum(1), batch.frame_mask.sum(1).tolist()
        rows = zip(batch.anchors, counts.tolist(), frames, strict=True)
        places = torch.from_numpy(np.stack([spoken_tokens(*row, middles) for row in rows])).to(mask.device)
        if prediction.attention is not None:
            widths = torch.full((len(mask),), self.config.anchored_width, device=mask.device)
            return alignment_loss(prediction.attention, places, widths, spoken)
        assert prediction.places is not None
        share = places / (counts - 1).clamp(min=1)[:, None]
        return masked_mean((prediction.places - share[mask]).square(), spoken[mask])

    @torch.no_grad()
    def _speak(self, batch: Batch) -> None:
        """Log a clip as the model speaks it, next to what its own codes give."""
        model, codec, count = self.model, self.codec, int(batch.frame_mask[0].sum())
        ids = batch.ids[0][batch.token_mask[0]].tolist()
        tokens = Tokens(tuple(ids), tuple(self.symbols[index] for index in ids))
        who, known = int(batch.speakers[0]), model.speaker_names
        speaker = known[who] if who < len(known) else UNNAMED
        state, frames = model.begin([tokens], [Style(speaker=speaker)]), []
        while not bool(state.done):
            made, state = model.step(state)
            frames.append(made.values[:, : int(made.lengths)])
        sounds = {"copy": codec.render(batch.features["codes"][:, :count]).samples[0]}
        if frames and (spoken := torch.cat(frames, dim=1)).shape[1]:
            sounds["spoken"] = codec.render(spoken).samples[0]
        pictures.log_audio(self, {f"{batch.names[0]}/{name}": x for name, x in sounds.items()}, codec.grid.sample_rate)
