"""Audio latents ↔ samples: the encoder and decoder of LeWM TTS around the shared mel vocoder.

    samples ─log-mel─▶ two convolutions of stride 2 ─▶ mixers ─▶ mean, log variance      z = mean + std · noise
    z ─linear─▶ two transposed convolutions of stride 2 ─▶ residual convolutions ─▶ log-mel ─vocoder─▶ samples

A latent stands for four mel frames. The encoder sees a whole clip; the decoder streams by state, with the declared
lookahead of its convolutions and of the vocoder, rounded up to whole latents. The latent is that of a variational
autoencoder (Kingma & Welling, arXiv 1312.6114).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.codecs.codec import MAX_FRAMES, TINY_MEL, SpectrumCodec, Stft, TrainableCodec, decoder_input
from ssmphony.codecs.mel_vocoder import MelVocoderConfig, MelVocoderState, TrunkState
from ssmphony.config import Config
from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.interfaces import Array
from ssmphony.nn import EncoderConfig, Mixer
from ssmphony.nn.block import delay
from ssmphony.nn.conv import CausalUpsample, LookaheadConv, ResConvBlock
from ssmphony.nn.gather import take
from ssmphony.types import FrameGrid, MelFormat

STRIDE = 4
"""Mel frames a latent."""
LOG_VARIANCE = (-8.0, 3.0)


class LeWMCodecConfig(Config):
    """Audio latents; see the module's docstring."""

    frames: ClassVar[str] = "lewm"
    kind: Literal["lewm"] = "lewm"
    format: MelFormat = MelFormat()
    """The log-mel frames."""
    d_latent: int = 256
    """Channels of a latent."""
    d_model: int = 256
    """Width of the encoder."""
    d_ffn: int = 682
    """Width of the encoder's feed-forward layers."""
    n_layers: int = 4
    """Blocks of the encoder."""
    mixer: Mixer = Field(default="attention", validate_default=True)
    """The encoder's layer, run in both directions."""
    width: int = 512
    """Width of the mel decoder."""
    blocks: int = 5
    """Residual blocks of the mel decoder."""
    lookahead: int = Field(default=3, ge=0)
    """The first blocks of the mel decoder, this many, see one mel frame of the future each."""
    dropout: float = 0.1
    direct: bool = False
    """Whether linear paths run parallel to the convolutions of encoder and decoder.

    They soon learn the principal components, and the convolutions refine them.
    """
    mel_mean: float = -6.0
    """Log-mel frames are normalised inside with this mean,"""
    mel_std: float = 3.0
    """and this standard deviation."""
    mel_floor: float = -11.5
    """Frames below it (log) read as this value."""
    vocoder: MelVocoderConfig = MelVocoderConfig()
    """The vocoder after the mel decoder."""

    @model_validator(mode="before")
    @classmethod
    def _one_format(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        if isinstance(vocoder := data.get("vocoder", {}), dict) and "format" in data:
            return {**data, "vocoder": {"format": data["format"], **vocoder}}
        return data

    @model_validator(mode="after")
    def _parts_fit(self) -> LeWMCodecConfig:
        if self.vocoder.format != self.format:
            raise ValueError("vocoder.format is not format: leave it out")
        if self.lookahead > self.blocks:
            raise ValueError(f"lookahead {self.lookahead} is more than the {self.blocks} blocks that could look ahead")
        _ = self.audio_encoder
        return self

    @property
    def audio_encoder(self) -> EncoderConfig:
        """The blocks between the convolutions of the encoder and its head."""
        return EncoderConfig(
            d_model=self.d_model,
            n_layers=self.n_layers,
            mixers=(self.mixer,),
            d_ffn=self.d_ffn,
            dropout=self.dropout,
        )

    @classmethod
    def tiny(cls) -> dict[str, LeWMCodecConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        settings: dict[str, Any] = {"format": TINY_MEL, "d_latent": 6, "d_model": 8, "d_ffn": 8, "n_layers": 1}
        settings |= {"mixer": {"kind": "attention", "n_heads": 2}, "width": 8, "blocks": 2, "lookahead": 1}
        settings |= {"direct": True, "mel_mean": 0.0, "mel_std": 1.0}
        settings |= {"vocoder": {"dim": 8, "intermediate": 12, "n_layers": 2, "kernel_size": 5}}
        return {"": cls.model_validate(settings)}

    def build(self) -> LeWMCodec:
        return LeWMCodec(self)


class AudioEncoder(nn.Module):
    """Normalised log-mel of whole clips → mean and log variance of the latents."""

    def __init__(self, config: LeWMCodecConfig) -> None:
        super().__init__()
        d_model = config.d_model
        widths = (config.format.n_mels, d_model, d_model)
        self.convs = nn.ModuleList(
            nn.Conv1d(d_in, d_out, 4, stride=2, padding=1) for d_in, d_out in zip(widths, widths[1:], strict=False)
        )
        self.blocks = config.audio_encoder.build()
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, 2 * config.d_latent)
        self.direct = nn.Linear(STRIDE * config.format.n_mels, config.d_latent) if config.direct else None
        self.silence = (config.mel_floor - config.mel_mean) / config.mel_std

    def forward(self, mel: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """mel (batch, frame, n_mels), mask (batch, frame) → mean and log variance (batch, latent, d_latent) and which
        latents there are (batch, latent): a latent with one real frame is one."""
        x, mask = whole_latents(mel, mask, self.silence)
        direct = 0.0 if self.direct is None else self.direct(x.unflatten(1, (-1, STRIDE)).flatten(2))
        for conv in self.convs:
            mask = mask[:, 0::2] | mask[:, 1::2]
            x = F.gelu(conv(x.transpose(1, 2)).transpose(1, 2)) * mask[..., None]
        mean, log_variance = self.head(self.norm(self.blocks(x, mask))).chunk(2, dim=-1)
        return mean + direct, log_variance.clamp(*LOG_VARIANCE), mask


def whole_latents(mel: Tensor, mask: Tensor, silence: float) -> tuple[Tensor, Tensor]:
    """Fill the last latent of each clip with silence: mel (batch, frame, n_mels) and mask (batch, frame) → the same,
    a multiple of four frames long. Frames after the last latent are zero and masked."""
    fill = -mel.shape[1] % STRIDE
    mel, mask = F.pad(mel, (0, 0, 0, fill)), F.pad(mask, (0, fill))
    whole = mask[:, ::STRIDE].repeat_interleave(STRIDE, dim=1)
    return torch.where(mask[..., None], mel, silence * whole[..., None]), whole


class MelDecoderState(NamedTuple):
    """present: (batch, lookahead) bool, the mask of the mel frames inside; contexts: one for each convolution."""

    present: Tensor
    contexts: tuple[Tensor, ...]


class MelDecoder(nn.Module):
    """Latents → normalised log-mel, four frames a latent, ``lookahead`` frames late."""

    def __init__(self, config: LeWMCodecConfig) -> None:
        super().__init__()
        width = config.width
        self.width = width
        self.lookahead = config.lookahead
        self.project = nn.Linear(config.d_latent, width)
        self.direct = nn.Linear(config.d_latent, STRIDE * width) if config.direct else None
        self.upsample = nn.ModuleList(CausalUpsample(width) for _ in range(2))
        self.blocks = nn.ModuleList(
            ResConvBlock(width, int(index < config.lookahead), 1.0 / config.blocks) for index in range(config.blocks)
        )
        self.refine = LookaheadConv(width, width, 3, 0)
        # a norm would take the loudness out of the direct path
        self.norm = nn.Identity() if config.direct else nn.LayerNorm(width)
        self.head = nn.Linear(width, config.format.n_mels)

    @property
    def context(self) -> int:
        """Latents before its own that a frame can depend on: by upsampling one and a half, the rest by convolution."""
        return 2 + -(-2 * (2 * len(self.blocks) + 1) // STRIDE)

    def initial_state(self, batch: int) -> MelDecoderState:
        new = self.head.weight.new_zeros
        taps = [1, 1, *[2] * (2 * len(self.blocks) + 1)]
        return MelDecoderState(
            new(batch, self.lookahead, dtype=torch.bool), tuple(new(batch, count, self.width) for count in taps)
        )

    def forward(self, z: Tensor, mask: Tensor, state: MelDecoderState) -> tuple[Tensor, Tensor, MelDecoderState]:
        """z (batch, time, d_latent), mask (batch, time) → mel (batch, 4 time, n_mels), its mask, and the state."""
        contexts, kept = list(state.contexts), list[Tensor]()
        z = z.masked_fill(~mask[..., None], 0.0)
        direct = 0.0 if self.direct is None else self.direct(z).unflatten(-1, (STRIDE, self.width)).flatten(1, 2)
        x = self.project(z) * mask[..., None]
        for upsample in self.upsample:
            mask = torch.stack([mask, mask], dim=2).flatten(1)
            x, context = upsample(x, contexts.pop(0))
            x = F.gelu(x) * mask[..., None]
            kept.append(context)
        x = (x + direct) * mask[..., None]
        masks = torch.cat([state.present, mask], dim=1)
        time, first = mask.shape[1], self.lookahead
        for block in self.blocks:
            first -= int(block.lookahead)  # type: ignore[arg-type]
            mask = masks[:, first : first + time]
            x, *new = block(x, (contexts.pop(0), contexts.pop(0)), mask)
            kept.extend(new)
        y, _, context = self.refine(x, contexts.pop(0))
        mel = self.head(self.norm(x + F.gelu(y)))
        return mel, mask, MelDecoderState(masks[:, time:], (*kept, context))


class MelLayers(NamedTuple):
    """decoder: its state; mel, present: frames that wait until the lookahead is whole latents."""

    decoder: MelDecoderState
    mel: Tensor
    present: Tensor


class LeWMCodecState(NamedTuple):
    """What is before the vocoder, and the vocoder's."""

    mel_layers: MelLayers
    vocoder: MelVocoderState


class LeWMCodec(SpectrumCodec, TrainableCodec):
    """A frame is a latent: ``lookahead`` and the grid count latents; the mel frames inside are the vocoder's."""

    def __init__(self, config: LeWMCodecConfig) -> None:
        super().__init__()
        self.config = config
        self.mel = mel = config.format
        self.stft = Stft(mel.n_fft, mel.hop_length)
        self.grid = FrameGrid(mel.sample_rate, STRIDE * mel.hop_length, config.d_latent)
        self.encoder = AudioEncoder(config)
        self.decoder = MelDecoder(config)
        self.vocoder = config.vocoder.build()
        frames = self.decoder.lookahead + self.vocoder.lookahead
        self.waiting = -frames % STRIDE
        self.lookahead = (frames + self.waiting) // STRIDE

    def normalise(self, mel: Tensor) -> Tensor:
        return (mel.clamp(min=self.config.mel_floor) - self.config.mel_mean) / self.config.mel_std

    def denormalise(self, mel: Tensor) -> Tensor:
        return mel * self.config.mel_std + self.config.mel_mean

    def initial_state(self, batch: int) -> LeWMCodecState:
        new = self.decoder.head.weight.new_zeros
        mel, present = new(batch, self.waiting, self.config.format.n_mels), new(batch, self.waiting, dtype=torch.bool)
        layers = MelLayers(self.decoder.initial_state(batch), mel, present)
        return LeWMCodecState(layers, self.vocoder.initial_state(batch))

    def decode(self, frames: Array, mask: Array, state: LeWMCodecState) -> tuple[Tensor, LeWMCodecState]:
        """Latents (batch, time, d_latent) and mask (batch, time) with time ≥ 1, tensors or NumPy arrays."""
        z, mask = decoder_input(frames, mask, self.decoder.head.weight.device)
        mel, present, layers = self._log_mel(z, mask, state.mel_layers)
        samples, vocoder = self.vocoder.decode(mel, present, state.vocoder)
        return samples, LeWMCodecState(layers, vocoder)

    def initial_layers(self, batch: int) -> tuple[MelLayers, TrunkState]:
        fresh = self.initial_state(batch)
        return fresh.mel_layers, fresh.vocoder.trunk

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: tuple[MelLayers, TrunkState]
    ) -> tuple[tuple[Tensor, Tensor, Tensor], tuple[MelLayers, TrunkState]]:
        mel, present, first = self._log_mel(frames, mask, layers[0])
        spectrum, trunk = self.vocoder.trunk(mel, present, layers[1])
        return spectrum[:3], (first, trunk)

    def graphs(self) -> tuple[GraphSpec, ...]:
        encoder = GraphSpec(
            name="codec_encoder",
            module=_MeanEncoder(self),
            inputs={"mel": torch.zeros(2, 2 * STRIDE, self.config.format.n_mels)},
            outputs=("frames",),
            axes={"mel": {1: Axis("latents", max_length=MAX_FRAMES, multiple=STRIDE)}},
        )
        return (*super().graphs(), encoder)

    def _log_mel(self, z: Tensor, mask: Tensor, layers: MelLayers) -> tuple[Tensor, Tensor, MelLayers]:
        """The half of `decode` before the vocoder: log-mel (batch, 4 time, n_mels), its mask, and the state."""
        mel, present, decoder = self.decoder(z, mask, layers.decoder)
        mel, waiting = delay(self.denormalise(mel), layers.mel)
        present, waiting_present = delay(present, layers.present)
        return mel, present, MelLayers(decoder, waiting, waiting_present)

    def decode_mel(self, z: Tensor, mask: Tensor) -> Tensor:
        """Whole utterances: z (batch, time, d_latent), mask (batch, time) → normalised mel (batch, 4 time, n_mels)."""
        ahead = self.decoder.lookahead
        fill = -(-ahead // STRIDE)
        padded, present = F.pad(z, (0, 0, 0, fill)), F.pad(mask, (0, fill))
        mel, _, _ = self.decoder(padded, present, self.decoder.initial_state(len(z)))
        return mel[:, ahead : ahead + STRIDE * z.shape[1]]

    def decode_window(self, z: Tensor, mask: Tensor, window: Tensor) -> Tensor:
        """A part of what `decode_mel` makes: window (batch, n), latents in a row → mel (batch, 4 n, n_mels)."""
        before, after = self.decoder.context, -(-self.decoder.lookahead // STRIDE)
        around = torch.arange(-before, window.shape[1] + after, device=z.device) + window[:, :1]
        inside = (around >= 0) & (around < z.shape[1])
        around = around.clamp(0, z.shape[1] - 1)
        mel = self.decode_mel(take(z, around), take(mask, around) & inside)
        return mel[:, STRIDE * before : STRIDE * (before + window.shape[1])]

    def encode(self, samples: Tensor) -> Tensor:
        """samples (batch, n) → the means of the latents (batch, 1 + n // hop_length, d_latent)."""
        mel = self.normalise(self.vocoder.encode(samples))
        mean, _, _ = self.encoder(mel, torch.ones_like(mel[..., 0], dtype=torch.bool))
        return mean


class _MeanEncoder(nn.Module):
    """The log-mel of whole clips, a whole number of latents long → the means of the latents."""

    def __init__(self, codec: LeWMCodec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, mel: Tensor) -> Tensor:
        present = torch.ones_like(mel[..., 0], dtype=torch.bool)
        return self.codec.encoder(self.codec.normalise(mel), present)[0]
