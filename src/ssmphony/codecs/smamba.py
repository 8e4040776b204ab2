"""Latents, pitch and style → samples, by the blocks and the head of `ssmphony.codecs.source_filter`.

The waveform decoder of `ssmphony.models.smamba`, in the place of VITS's HiFi-GAN. It may begin with the blocks and the
head of any other codec of this form: only what reads the latents is new.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ssmphony.codecs.given_pitch import GivenPitchConfig, GivenPitchFilter, hertz
from ssmphony.codecs.source_filter import pitch_channel


class SMambaCodecConfig(GivenPitchConfig):
    """A source-filter codec whose frames are latents, pitch and a style vector."""

    frames: ClassVar[str] = "smamba-latents"
    kind: Literal["smamba"] = "smamba"
    d_latent: int = 128
    """Channels of the latents."""
    d_style: int = 128
    """Channels of the style vector."""

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


class SMambaCodec(GivenPitchFilter):
    """A frame is ``[latents, pitch in Hz / 128, style]``; the pitch is below 40 Hz where unvoiced."""

    def __init__(self, config: SMambaCodecConfig) -> None:
        super().__init__(config, config.d_latent + 1, config.d_style)
        self.config = config

    def split(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        latents, pitch, style = frames.split([self.config.d_latent, 1, self.config.d_style], dim=-1)
        pitch = hertz(pitch)
        return torch.cat([latents, pitch_channel(pitch)], dim=-1), pitch, style
