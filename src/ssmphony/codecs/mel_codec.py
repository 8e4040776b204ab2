"""Log-mel → a bottleneck of fewer frames → samples: an encoder of log-mel around the head of the source-filter vocoder.

    samples ─log-mel─▶ ConvNeXt ─stride─▶ ConvNeXt ─▶ what the bottleneck reads
    frames ─values, transposed stride─▶ features ─┬─▶ pitch and voicing ─┐
                                                  └─ late by as much ────┴─▶ `ssmphony.codecs.source_filter` ─▶ samples

The bottleneck is a codec's own: codes (`ssmphony.codecs.fsq`) or Gaussian latents (`ssmphony.codecs.latent`). The sound
is that of `ssmphony.codecs.mel_source_filter`, which it is trained like. Both halves stream: every layer keeps its past
in a state and declares how many frames of the future it sees.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.codecs.codec import MAX_FRAMES, TINY_MEL, OverlappedMel, Rendering, TrainableCodec
from ssmphony.codecs.excitation import NOISE_LENGTH
from ssmphony.codecs.log_mel import LogMel
from ssmphony.codecs.mel_source_filter import MEL_FLOOR, MEL_MEAN, MEL_STD
from ssmphony.codecs.pitch_predictor import PitchPredictor, PitchState
from ssmphony.codecs.source_filter import FilterState, SourceFilter, SourceFilterConfig, pitch_channel
from ssmphony.graph_spec import Axis, GraphSpec
from ssmphony.interfaces import Array
from ssmphony.nn.block import delay
from ssmphony.nn.convnext import ConvNeXtStack, ConvNeXtState
from ssmphony.types import FrameGrid, MelFormat


class MelCodecConfig(SourceFilterConfig):
    """The encoder, and what every codec of this form has around its bottleneck."""

    format: OverlappedMel = MelFormat(n_fft=1_200, hop_length=300)
    """The log-mel that is encoded, and the STFT that is inverted."""
    stride: int = Field(default=2, ge=1)
    """Mel frames a frame: 2 is 40 frames a second."""
    d_model: int = 192
    """Width of the encoder, and of the features that frames are decoded to."""
    mel_blocks: int = 4
    """Blocks of the encoder over mel frames,"""
    code_blocks: int = 4
    """and over frames."""
    pitch_dim: int = 128
    """Width of the network that predicts the pitch."""

    @model_validator(mode="after")
    def _lookahead_fits(self) -> MelCodecConfig:
        if self.mel_blocks * (self.kernel_size // 2) % self.stride:
            raise ValueError("the lookahead of mel_blocks must be whole frames of the bottleneck: change mel_blocks")
        return self


TINY: dict[str, Any] = {
    "format": TINY_MEL,
    "d_model": 8,
    "mel_blocks": 1,
    "code_blocks": 1,
    "pitch_dim": 8,
    "dim": 8,
    "intermediate": 12,
    "blocks": ("convnext",) * 2,
    "d_state": 4,
    "kernel_size": 5,
    "lookahead_per_conv": 1,
    "highest_hz": 3_600.0,
}
"""Settings of the smallest codecs of this form: tests run on them."""


class EncoderState(NamedTuple):
    """present: (batch, lookahead) bool, which mel frames inside the first stack exist; mel, codes: of the stacks."""

    present: Tensor
    mel: ConvNeXtState
    codes: ConvNeXtState


class MelEncoder(nn.Module):
    """Normalised log-mel → what the bottleneck reads, ``stride`` frames to one and ``lookahead`` of these late."""

    def __init__(self, config: MelCodecConfig, channels: int) -> None:
        super().__init__()
        width, kernel = config.d_model, config.kernel_size
        self.stride = config.stride
        self.enter = nn.Linear(config.format.n_mels, width)
        self.mel = ConvNeXtStack(width, 3 * width, kernel, config.mel_blocks)
        self.shrink = nn.Linear(config.stride * width, width)
        self.codes = ConvNeXtStack(width, 3 * width, kernel, config.code_blocks)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, channels)
        self.lookahead = self.mel.lookahead // config.stride + self.codes.lookahead

    def initial_state(self, batch: int) -> EncoderState:
        present = self.head.weight.new_zeros(batch, self.mel.lookahead, dtype=torch.bool)
        return EncoderState(present, self.mel.initial_state(batch), self.codes.initial_state(batch))

    def forward(self, mel: Tensor, mask: Tensor, state: EncoderState) -> tuple[Tensor, EncoderState]:
        """mel (batch, stride * time, n_mels), mask (batch, stride * time) → (batch, time, channels), and the state."""
        x, mel_state = self.mel.forward(self.enter(mel), state.mel, mask)
        mask, present = delay(mask, state.present)
        x = (x * mask[..., None]).unflatten(1, (-1, self.stride)).flatten(2)
        mask = mask.unflatten(1, (-1, self.stride)).any(2)
        x, codes = self.codes.forward(self.shrink(x), state.codes, mask)
        return self.head(self.norm(x)), EncoderState(present, mel_state, codes)

    def whole(self, mel: Tensor) -> Tensor:
        """Whole clips (batch, stride * time, n_mels) → (batch, time, channels)."""
        ahead, (batch, steps, _) = self.stride * self.lookahead, mel.shape
        mask = (torch.arange(steps + ahead, device=mel.device) < steps).expand(batch, -1)
        return self.forward(F.pad(mel, (0, 0, 0, ahead)), mask, self.initial_state(batch))[0][:, self.lookahead :]


class MelCodecLayers(NamedTuple):
    """What the network before the inverse STFT needs of the past; batch first.

    early, early_mask: features that wait until the lookahead is whole frames, (batch, waiting, …); features,
    mask: those that wait for their pitch, (batch, lookahead of the pitch, …).
    """

    early: Tensor
    early_mask: Tensor
    features: Tensor
    mask: Tensor
    pitch: PitchState
    filter: FilterState


class MelCodec(SourceFilter, TrainableCodec):
    """Base of the codecs of this form: the bottleneck is `analyse_with_losses`, `frames_of` and `values`.

    Where a method takes frames, it also takes the values that they stand for (batch, time, channel), through which
    gradients reach the encoder.
    """

    pitch_place = 0.5
    mixed_precision = True

    def __init__(self, config: MelCodecConfig, encoded: int, decoded: int) -> None:
        """``encoded``: channels that the bottleneck reads; ``decoded``: of the values of a frame."""
        mel, width = config.format, config.d_model
        super().__init__(config, mel.sample_rate, mel.n_fft, mel.hop_length, width + 1)
        self.mel = self.format = mel
        self.stride, self.width = config.stride, width
        self.pitch_grid = mel.grid
        self.encoder = MelEncoder(config, encoded)
        self.grow = nn.Linear(decoded, self.stride * width)
        self.pitch = PitchPredictor(width, config.pitch_dim)
        steps = self.pitch.lookahead + self.trunk_lookahead + self.overlap // 2
        self.waiting = -steps % self.stride
        self.lookahead = (steps + self.waiting) // self.stride
        self.log_mel = LogMel(mel)

    def frame_grid(self, channels: int, codebooks: tuple[int, ...] = ()) -> FrameGrid:
        """For frames of this many numbers."""
        return FrameGrid(self.format.sample_rate, self.stride * self.format.hop_length, channels, codebooks)

    @abstractmethod
    def frames_of(self, encoded: Tensor) -> Tensor:
        """What the encoder gives (batch, time, channel) → frames."""

    @abstractmethod
    def values(self, frames: Tensor) -> Tensor:
        """Frames, or their values already → their values (batch, time, channel)."""

    @abstractmethod
    def analyse_with_losses(self, samples: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """samples (batch, n) → the values of their frames, differentiably, and by name what these cost in training."""

    # -- samples → frames ---------------------------------------------------------------------------------------------

    def encode(self, samples: Array) -> Tensor:
        """samples (batch, n) → frames (batch, 1 + n // hop_length, channel)."""
        with torch.no_grad():
            return self.frames_of(self.encoded(torch.as_tensor(samples, device=self.window.device)))

    def analyse(self, samples: Tensor) -> Tensor:
        return self.analyse_with_losses(samples)[0]

    def encoded(self, samples: Tensor) -> Tensor:
        """samples (batch, n) → what the bottleneck reads, (batch, 1 + n // hop_length, channel)."""
        mel = self.log_mel(samples)
        return self.encode_mel(
            F.pad(mel, (0, 0, 0, -mel.shape[1] % self.stride), value=float(np.log(self.format.log_floor)))
        )

    def encode_mel(self, mel: Tensor) -> Tensor:
        """Log-mel of whole clips, whole frames long → what the bottleneck reads."""
        return self.encoder.whole((mel.clamp(min=MEL_FLOOR) - MEL_MEAN) / MEL_STD)

    # -- frames → samples ---------------------------------------------------------------------------------------------

    def initial_layers(self, batch: int) -> MelCodecLayers:
        new, ahead, width = self.window.new_zeros, self.pitch.lookahead, self.width
        return MelCodecLayers(
            early=new(batch, self.waiting, width),
            early_mask=new(batch, self.waiting, dtype=torch.bool),
            features=new(batch, ahead, width),
            mask=new(batch, ahead, dtype=torch.bool),
            pitch=self.pitch.initial_state(batch),
            filter=self.initial_filter(batch),
        )

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: MelCodecLayers
    ) -> tuple[tuple[Tensor, Tensor, Tensor], MelCodecLayers]:
        # not a product: padding need not be finite
        x = self._features(frames.masked_fill(~mask[..., None], 0)) * self._stretched(mask)[..., None]
        x, early = delay(x, layers.early)
        present, early_mask = delay(self._stretched(mask), layers.early_mask)
        time = x.shape[1]
        scores, pitch = self.pitch(x, present, layers.pitch)
        features, masks = torch.cat([layers.features, x], dim=1), torch.cat([layers.mask, present], dim=1)
        late = masks[:, :time]
        hertz = scores.hertz() * late
        read = torch.cat([features[:, :time], pitch_channel(hertz)], dim=-1)
        spectra, filtered = self.filter(read, hertz, None, late, layers.filter)
        return spectra, MelCodecLayers(early, early_mask, features[:, time:], masks[:, time:], pitch, filtered)

    def render(self, frames: Tensor, pitch: Tensor | None = None) -> Rendering:
        """As `NetworkCodec.render`; ``pitch`` (batch, stride * time) is that of the mel frames.

        In training the noise of each row begins anywhere, so that none is learnt.
        """
        x = self._features(frames)
        scores = self.pitch.whole(x)
        hertz = scores.hertz().detach() if pitch is None else pitch
        first = torch.randint(NOISE_LENGTH, (len(x),), device=x.device) if self.training else None
        samples = self.synthesise(torch.cat([x, pitch_channel(hertz)], dim=-1), hertz, None, first)
        return Rendering(samples, pitch_losses=scores.losses)

    def _features(self, frames: Tensor) -> Tensor:
        """(batch, time, channel) → (batch, stride * time, d_model)."""
        return self.grow(self.values(frames)).unflatten(-1, (self.stride, -1)).flatten(1, 2)

    def _stretched(self, mask: Tensor) -> Tensor:
        return mask[..., None].expand(-1, -1, self.stride).flatten(1)

    # -- export -------------------------------------------------------------------------------------------------------

    def graphs(self) -> tuple[GraphSpec, ...]:
        """Both halves; that of the encoder reads log-mel."""
        encoder = GraphSpec(
            name="codec_encoder",
            module=_MelToFrames(self),
            inputs={"mel": torch.zeros(2, 8 * self.stride, self.format.n_mels)},
            outputs=("frames",),
            axes={"mel": {1: Axis("frames", max_length=MAX_FRAMES, multiple=self.stride)}},
        )
        return (*super().graphs(), encoder)


class _MelToFrames(nn.Module):
    def __init__(self, codec: MelCodec) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, mel: Tensor) -> Tensor:
        return self.codec.frames_of(self.codec.encode_mel(mel))
