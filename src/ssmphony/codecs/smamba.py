"""Latents, pitch and style → samples, by the blocks and the head of `ssmphony.codecs.source_filter`.

The waveform decoder of `ssmphony.models.smamba`, in the place of VITS's HiFi-GAN. It may begin with the blocks and the
head of any other codec of this form: only what reads the latents is new.
"""

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


class SMambaCodecConfig(SourceFilterConfig):
    """A source-filter codec whose frames are latents, pitch and a style vector."""

    frames: ClassVar[str] = "smamba-latents"
    kind: Literal["smamba"] = "smamba"
    sample_rate: int = 24_000
    n_fft: int = 1_200
    hop_length: int = 300
    d_latent: int = 128
    """Channels of the latents."""
    d_style: int = 128
    """Channels of the style vector."""

    @model_validator(mode="after")
    def _hops_fit(self) -> SMambaCodecConfig:
        overlapping_segments(self.n_fft, self.hop_length)
        return self

    @classmethod
    def tiny(cls) -> dict[str, SMambaCodecConfig]:
        """The smallest configs that have all parts, by form: tests run on them."""
        plain = cls(
            sample_rate=8_000,
            n_fft=64,
            hop_length=16,
            d_latent=6,
            d_style=4,
            dim=8,
            intermediate=12,
            blocks=("convnext",) * 2,
            kernel_size=5,
            lookahead_per_conv=1,
            highest_hz=3_600.0,
        )
        return {"": plain}

    def build(self) -> SMambaCodec:
        return SMambaCodec(self)


class SMambaCodec(SourceFilter):
    """A frame is ``[latents, pitch in Hz / 128, style]``; the pitch is below 40 Hz where unvoiced."""

    def __init__(self, config: SMambaCodecConfig) -> None:
        super().__init__(
            config, config.sample_rate, config.n_fft, config.hop_length, config.d_latent + 1, config.d_style
        )
        self.config = config
        self.grid = FrameGrid(config.sample_rate, config.hop_length, config.d_latent + 1 + config.d_style)
        self.lookahead = self.trunk_lookahead + self.overlap // 2

    def initial_layers(self, batch: int) -> FilterState:
        return self.initial_filter(batch)

    def spectra(
        self, frames: Tensor, mask: Tensor, layers: FilterState
    ) -> tuple[tuple[Tensor, Tensor, Tensor], FilterState]:
        # not a product: padding need not be finite
        x, pitch, style = self._parts(frames.masked_fill(~mask[..., None], 0.0))
        return self.filter(x, pitch, style, mask, layers)

    def forward(self, frames: Tensor, first: Tensor | None = None) -> Tensor:
        """Whole utterances, (batch, time, channel) → (batch, time * hop_length); ``first`` as in `synthesise`."""
        return self.synthesise(*self._parts(frames), first)

    def _parts(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What the filter reads: the network's input, the pitch in Hz, and the style."""
        latents, pitch, style = frames.split([self.config.d_latent, 1, self.config.d_style], dim=-1)
        pitch = (pitch[..., 0] * PITCH_UNIT_HZ).clamp(0.0, HIGHEST_PITCH_HZ)
        return torch.cat([latents, pitch_channel(pitch)], dim=-1), pitch, style
