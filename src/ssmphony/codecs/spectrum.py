"""States of phones, pitch and energy → samples, by the blocks and the head of `ssmphony.codecs.source_filter`."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import model_validator
from torch import Tensor

from ssmphony.audio.frame_features import PITCH_UNIT_HZ
from ssmphony.codecs.codec import overlapping_segments
from ssmphony.codecs.source_filter import (
    HIGHEST_PITCH_HZ,
    FilterState,
    SourceFilter,
    SourceFilterConfig,
    pitch_channel,
)
from ssmphony.types import FrameGrid


class SpectrumConfig(SourceFilterConfig):
    """A source-filter codec whose frames are states of a text encoder, pitch, energy and a speaker's vector."""

    frames: ClassVar[str] = "text-states"
    kind: Literal["spectrum"] = "spectrum"
    sample_rate: int = 24_000
    n_fft: int = 1_200
    hop_length: int = 300
    d_text: int = 128
    """Channels of the text encoder's state."""
    d_speaker: int = 64
    """Channels of a speaker's vector."""

    @model_validator(mode="after")
    def _hops_fit(self) -> SpectrumConfig:
        overlapping_segments(self.n_fft, self.hop_length)
        return self

    @classmethod
    def tiny(cls) -> dict[str, SpectrumConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        plain = cls(
            sample_rate=8_000,
            n_fft=64,
            hop_length=16,
            d_text=4,
            d_speaker=2,
            dim=8,
            intermediate=12,
            blocks=("convnext",) * 2,
            d_state=4,
            kernel_size=5,
            lookahead_per_conv=1,
            highest_hz=3_600.0,
        )
        return {"": plain, "s4d": plain.model_copy(update={"blocks": ("convnext", "s4d")})}

    def build(self) -> SpectrumGenerator:
        return SpectrumGenerator(self)


class SpectrumGenerator(SourceFilter):
    """A frame is ``[text state, pitch in Hz / 128, energy, speaker's vector]``; the pitch is below 40 Hz where
    unvoiced, and the energy is that of `ssmphony.audio.frame_features.frame_energy`."""

    def __init__(self, config: SpectrumConfig) -> None:
        d_in = config.d_text + 2
        super().__init__(config, config.sample_rate, config.n_fft, config.hop_length, d_in, config.d_speaker)
        self.config = config
        self.grid = FrameGrid(config.sample_rate, config.hop_length, d_in + config.d_speaker)
        self.lookahead = self.trunk_lookahead + self.overlap // 2

    def initial_layers(self, batch: int) -> FilterState:
        return self.initial_filter(batch)

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: FilterState
    ) -> tuple[tuple[Tensor, Tensor, Tensor], FilterState]:
        # not a product: padding need not be finite
        x, pitch, speaker = self._parts(frames.masked_fill(~mask[..., None], 0.0))
        return self.filter(x, pitch, speaker, mask, layers)

    def forward(self, frames: Tensor, first: Tensor | None = None) -> Tensor:
        """Whole utterances, (batch, time, channel) → (batch, time * hop_length); ``first`` as in `synthesise`."""
        return self.synthesise(*self._parts(frames), first)

    def _parts(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the filter reads: the network's input, the pitch in Hz, and the speakers' vectors."""
        text, pitch, energy, speaker = frames.split([self.config.d_text, 1, 1, self.config.d_speaker], dim=-1)
        pitch = (pitch[..., 0] * PITCH_UNIT_HZ).clamp(0.0, HIGHEST_PITCH_HZ)
        return torch.cat([text, pitch_channel(pitch), energy], dim=-1), pitch, speaker
