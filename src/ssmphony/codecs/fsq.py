"""Audio codes ↔ samples: log-mel, finite scalar quantisation, and the head of the source-filter vocoder.

    samples ─log-mel─▶ ConvNeXt ─stride─▶ ConvNeXt ─▶ quantiser ─▶ codes
    codes ─values, transposed stride─▶ features ─┬─▶ pitch and voicing ─┐
                                                 └─ late by as much ────┴─▶ `ssmphony.codecs.source_filter` ─▶ samples

After the codec of Fish-Speech (Liao et al., arXiv 2411.01156): a mel encoder and grouped finite scalar quantisation.
The sound is that of `ssmphony.codecs.mel_source_filter`, which it is trained like. Both halves stream: every layer
keeps its past in a state and declares how many frames of the future it sees.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

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
from ssmphony.nn.fsq import FiniteScalarQuantiser
from ssmphony.types import FrameGrid, MelFormat


class FsqConfig(SourceFilterConfig):
    """A codec of finite scalar quantisation; see the module's docstring."""

    frames: ClassVar[str] = "fsq"
    kind: Literal["fsq"] = "fsq"
    format: OverlappedMel = MelFormat(n_fft=1_200, hop_length=300)
    """The log-mel that is encoded, and the STFT that is inverted."""
    stride: int = Field(default=2, ge=1)
    """Mel frames a frame of codes: 2 is 40 frames a second."""
    levels: tuple[int, ...] = (8, 5, 5, 5)
    """Levels of each channel of a code; their product is the size of its codebook."""
    codes: int = Field(default=4, ge=1)
    """Codes of a frame."""
    residual: bool = False
    """Whether each further code refines the ones before it, in the same channels, instead of having its own."""
    d_model: int = 192
    """Width of the encoder, and of the features that codes are decoded to."""
    mel_blocks: int = 4
    """Blocks of the encoder over mel frames,"""
    code_blocks: int = 4
    """and over frames of codes."""
    pitch_dim: int = 128
    """Width of the network that predicts the pitch."""

    @model_validator(mode="after")
    def _levels_fit(self) -> FsqConfig:
        if not self.levels or min(self.levels) < 2:
            raise ValueError(f"levels {self.levels} must each be 2 or more")
        if self.mel_blocks * (self.kernel_size // 2) % self.stride:
            raise ValueError("the lookahead of mel_blocks must be whole frames of codes: change mel_blocks")
        return self

    @classmethod
    def tiny(cls) -> dict[str, FsqConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        shape: dict[str, Any] = {"format": TINY_MEL, "levels": (3, 4), "codes": 3, "d_model": 8, "mel_blocks": 1}
        shape |= {"code_blocks": 1, "pitch_dim": 8, "dim": 8, "intermediate": 12, "blocks": ("convnext",) * 2}
        shape |= {"d_state": 4, "kernel_size": 5, "lookahead_per_conv": 1, "highest_hz": 3_600.0}
        forms = {"": {}, "residual": {"residual": True, "stride": 1, "d_model": 10}}
        return {form: cls.model_validate({**shape, **settings}) for form, settings in forms.items()}

    def build(self) -> Fsq:
        return Fsq(self)


class EncoderState(NamedTuple):
    """present: (batch, lookahead) bool, which mel frames inside the first stack exist; mel, codes: of the stacks."""

    present: Tensor
    mel: ConvNeXtState
    codes: ConvNeXtState


class CodeEncoder(nn.Module):
    """Normalised log-mel → what is quantised, ``stride`` frames to one and ``lookahead`` of these late."""

    def __init__(self, config: FsqConfig, channels: int) -> None:
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


class FsqLayers(NamedTuple):
    """What the network before the inverse STFT needs of the past; batch first.

    early, early_mask: features that wait until the lookahead is whole frames of codes, (batch, waiting, …); features,
    mask: those that wait for their pitch, (batch, lookahead of the pitch, …).
    """

    early: Tensor
    early_mask: Tensor
    features: Tensor
    mask: Tensor
    pitch: PitchState
    filter: FilterState


class Fsq(SourceFilter, TrainableCodec):
    """A frame holds a code for each codebook. Where a method takes frames, it also takes the values that they stand for
    (batch, time, channels of the quantiser), through which gradients reach the encoder."""

    pitch_place = 0.5
    mixed_precision = True

    def __init__(self, config: FsqConfig) -> None:
        mel, width = config.format, config.d_model
        super().__init__(config, mel.sample_rate, mel.n_fft, mel.hop_length, width + 1)
        self.config = config
        self.mel, self.stride = mel, config.stride
        self.quantiser = FiniteScalarQuantiser(config.levels, config.codes, config.residual)
        codebooks = self.quantiser.codebooks
        self.grid = FrameGrid(mel.sample_rate, self.stride * mel.hop_length, config.codes, codebooks)
        self.pitch_grid = mel.grid
        self.encoder = CodeEncoder(config, self.quantiser.channels)
        self.grow = nn.Linear(self.quantiser.channels, self.stride * width)
        self.pitch = PitchPredictor(width, config.pitch_dim)
        steps = self.pitch.lookahead + self.trunk_lookahead + self.overlap // 2
        self.waiting = -steps % self.stride
        self.lookahead = (steps + self.waiting) // self.stride
        self.log_mel = LogMel(mel)

    # -- samples → codes ----------------------------------------------------------------------------------------------

    def encode(self, samples: Array) -> Tensor:
        """samples (batch, n) → codes (batch, 1 + n // hop_length, codebook) int64."""
        with torch.no_grad():
            return self.quantiser(self._encoded(torch.as_tensor(samples, device=self.window.device)))[1]

    def analyse(self, samples: Tensor) -> Tensor:
        """samples (batch, n) → the values of their codes, differentiably."""
        return self.quantiser(self._encoded(samples))[0]

    def _encoded(self, samples: Tensor) -> Tensor:
        mel = self.log_mel(samples)
        return self.encode_mel(
            F.pad(mel, (0, 0, 0, -mel.shape[1] % self.stride), value=float(np.log(self.config.format.log_floor)))
        )

    def encode_mel(self, mel: Tensor) -> Tensor:
        """Log-mel of whole clips, whole frames of codes long → what is quantised."""
        return self.encoder.whole((mel.clamp(min=MEL_FLOOR) - MEL_MEAN) / MEL_STD)

    # -- codes → samples ----------------------------------------------------------------------------------------------

    def initial_layers(self, batch: int) -> FsqLayers:
        new, ahead, width = self.window.new_zeros, self.pitch.lookahead, self.config.d_model
        return FsqLayers(
            early=new(batch, self.waiting, width),
            early_mask=new(batch, self.waiting, dtype=torch.bool),
            features=new(batch, ahead, width),
            mask=new(batch, ahead, dtype=torch.bool),
            pitch=self.pitch.initial_state(batch),
            filter=self.initial_filter(batch),
        )

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: FsqLayers
    ) -> tuple[tuple[Tensor, Tensor, Tensor], FsqLayers]:
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
        return spectra, FsqLayers(early, early_mask, features[:, time:], masks[:, time:], pitch, filtered)

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
        """Codes or their values (batch, time, …) → (batch, stride * time, d_model)."""
        values = frames if frames.is_floating_point() else self.quantiser.decode(frames)
        return self.grow(values).unflatten(-1, (self.stride, -1)).flatten(1, 2)

    def _stretched(self, mask: Tensor) -> Tensor:
        return mask[..., None].expand(-1, -1, self.stride).flatten(1)

    # -- export -------------------------------------------------------------------------------------------------------

    def graphs(self) -> tuple[GraphSpec, ...]:
        """Both halves; that of the encoder reads log-mel."""
        encoder = GraphSpec(
            name="codec_encoder",
            module=_MelToCodes(self),
            inputs={"mel": torch.zeros(2, 8 * self.stride, self.config.format.n_mels)},
            outputs=("frames",),
            axes={"mel": {1: Axis("frames", max_length=MAX_FRAMES, multiple=self.stride)}},
        )
        return (*super().graphs(), encoder)


class _MelToCodes(nn.Module):
    def __init__(self, codec: Fsq) -> None:
        super().__init__()
        self.codec = codec

    def forward(self, mel: Tensor) -> Tensor:
        return self.codec.quantiser(self.codec.encode_mel(mel))[1]
