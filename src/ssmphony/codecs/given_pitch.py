"""Base of the source-filter codecs whose frames hold the pitch, so that none is predicted."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import model_validator
from torch import Tensor

from ssmphony.audio.frame_features import PITCH_UNIT_HZ
from ssmphony.codecs.codec import overlapping_segments
from ssmphony.codecs.source_filter import HIGHEST_PITCH_HZ, FilterState, SourceFilter, SourceFilterConfig
from ssmphony.types import FrameGrid


class GivenPitchConfig(SourceFilterConfig):
    """Base of the configs of these codecs: their frame grid and their STFT."""

    sample_rate: int = 24_000
    n_fft: int = 1_200
    hop_length: int = 300

    @model_validator(mode="after")
    def _hops_fit(self) -> GivenPitchConfig:
        overlapping_segments(self.n_fft, self.hop_length)
        return self


class GivenPitchFilter(SourceFilter):
    """A codec says in `split` where its frames hold what `filter` reads."""

    def __init__(self, config: GivenPitchConfig, d_in: int, d_speaker: int) -> None:
        """``d_in``: channels of a frame without those of the speaker, (…, d_in + d_speaker)."""
        super().__init__(config, config.sample_rate, config.n_fft, config.hop_length, d_in, d_speaker)
        self.grid = FrameGrid(config.sample_rate, config.hop_length, d_in + d_speaker)
        self.lookahead = self.trunk_lookahead + self.overlap // 2

    @abstractmethod
    def split(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Frames (batch, time, channel) → the network's input (batch, time, d_in), the pitch (batch, time) in Hz, and
        what differs by speaker (batch, time, d_speaker)."""

    def initial_layers(self, batch: int) -> FilterState:
        return self.initial_filter(batch)

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: FilterState
    ) -> tuple[tuple[Tensor, Tensor, Tensor], FilterState]:
        # not a product: padding need not be finite
        x, pitch, speaker = self.split(frames.masked_fill(~mask[..., None], 0.0))
        return self.filter(x, pitch, speaker, mask, layers)

    def forward(self, frames: Tensor, first: Tensor | None = None) -> Tensor:
        """Whole utterances, (batch, time, channel) → (batch, time * hop_length); ``first`` as in `synthesise`."""
        return self.synthesise(*self.split(frames), first)


def hertz(pitch: Tensor) -> Tensor:
    """The pitch channel of frames (batch, time, 1) → (batch, time) in Hz."""
    return (pitch[..., 0] * PITCH_UNIT_HZ).clamp(0.0, HIGHEST_PITCH_HZ)
