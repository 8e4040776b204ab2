"""Log-mel frames ↔ samples by way of their pitch: a vocoder with the blocks and the head of the ``spectrum`` codec.

    log-mel ─┬─▶ pitch and voicing ─┐
             └─ late by as much ────┴─▶ `ssmphony.codecs.source_filter` ─▶ samples

It knows no speakers: whoever speaks, the mel shows it.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from ssmphony.codecs.codec import LOG_MEL, TINY_MEL, OverlappedMel, Rendering, TrainableCodec
from ssmphony.codecs.excitation import NOISE_LENGTH
from ssmphony.codecs.log_mel import LogMel
from ssmphony.codecs.pitch_predictor import PitchPredictor, PitchState
from ssmphony.codecs.source_filter import FilterState, SourceFilter, SourceFilterConfig, pitch_channel
from ssmphony.types import MelFormat

MEL_MEAN, MEL_STD, MEL_FLOOR = -6.0, 3.0, -11.5
"""Log-mel is normalised for the network; what is below the floor is silence."""


class MelSourceFilterConfig(SourceFilterConfig):
    """A source-filter vocoder of log-mel; see the module's docstring."""

    frames: ClassVar[str] = LOG_MEL
    kind: Literal["mel_source_filter"] = "mel_source_filter"
    format: OverlappedMel = MelFormat(n_fft=1_200, hop_length=300)
    """The log-mel frames, and the STFT that is inverted."""
    pitch_dim: int = 128
    """Width of the network that predicts the pitch."""

    @classmethod
    def tiny(cls) -> dict[str, MelSourceFilterConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        plain = cls(
            format=TINY_MEL,
            pitch_dim=8,
            dim=8,
            intermediate=12,
            blocks=("convnext",) * 2,
            d_state=4,
            kernel_size=5,
            lookahead_per_conv=1,
            highest_hz=3_600.0,
        )
        return {"": plain}

    def build(self) -> MelSourceFilter:
        return MelSourceFilter(self)


class MelSourceFilterLayers(NamedTuple):
    """What the network before the inverse STFT needs of the past; batch first."""

    mask: Tensor
    """(batch, lookahead of the pitch) bool: which of the frames that wait for their pitch exist."""
    mels: Tensor
    """(batch, lookahead of the pitch, n_mels): these frames, normalised."""
    pitch: PitchState
    filter: FilterState


class MelSourceFilter(SourceFilter, TrainableCodec):
    """See the module's docstring."""

    pitch_place = 0.5
    mixed_precision = True

    def __init__(self, config: MelSourceFilterConfig) -> None:
        mel = config.format
        super().__init__(config, mel.sample_rate, mel.n_fft, mel.hop_length, mel.n_mels + 1)
        self.config = config
        self.format = self.mel = mel
        self.grid = mel.grid
        self.pitch = PitchPredictor(mel.n_mels, config.pitch_dim)
        self.lookahead = self.pitch.lookahead + self.trunk_lookahead + self.overlap // 2
        self.log_mel = LogMel(mel)

    def initial_layers(self, batch: int) -> MelSourceFilterLayers:
        new, ahead = self.window.new_zeros, self.pitch.lookahead
        return MelSourceFilterLayers(
            mask=new(batch, ahead, dtype=torch.bool),
            mels=new(batch, ahead, self.format.n_mels),
            pitch=self.pitch.initial_state(batch),
            filter=self.initial_filter(batch),
        )

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: MelSourceFilterLayers
    ) -> tuple[tuple[Tensor, Tensor, Tensor], MelSourceFilterLayers]:
        time = frames.shape[1]
        # not a product: padding need not be finite
        mel = _normalised(frames).masked_fill(~mask[..., None], 0.0)
        scores, state = self.pitch(mel, mask, layers.pitch)
        mels, masks = torch.cat([layers.mels, mel], dim=1), torch.cat([layers.mask, mask], dim=1)
        late = masks[:, :time]
        hertz = scores.hertz() * late
        spectra, filtered = self.filter(_with_pitch(mels[:, :time], hertz), hertz, None, late, layers.filter)
        return spectra, MelSourceFilterLayers(masks[:, time:], mels[:, time:], state, filtered)

    def forward(self, frames: Tensor) -> Tensor:
        """Whole utterances, (batch, time, n_mels) → (batch, time * hop_length)."""
        return self.render(frames).samples

    def render(self, frames: Tensor, pitch: Tensor | None = None) -> Rendering:
        """As `NetworkCodec.render`. In training the noise of each row begins anywhere, so that none is learnt."""
        mel = _normalised(frames)
        scores = self.pitch.whole(mel)
        hertz = scores.hertz().detach() if pitch is None else pitch
        first = torch.randint(NOISE_LENGTH, (len(mel),), device=mel.device) if self.training else None
        samples = self.synthesise(_with_pitch(mel, hertz), hertz, None, first)
        return Rendering(samples, pitch_losses=scores.losses)

    def encode(self, samples: Tensor) -> Tensor:
        """samples (batch, n) → log-mel (batch, 1 + n // hop_length, n_mels); see `ssmphony.audio.mel`."""
        return self.log_mel(samples)


def _normalised(frames: Tensor) -> Tensor:
    return (frames.clamp(min=MEL_FLOOR) - MEL_MEAN) / MEL_STD


def _with_pitch(mel: Tensor, hertz: Tensor) -> Tensor:
    return torch.cat([mel, pitch_channel(hertz)], dim=-1)
