"""States of phones, pitch and energy → samples, by the blocks and the head of `ssmphony.codecs.source_filter`."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from ssmphony.codecs.given_pitch import GivenPitchConfig, GivenPitchFilter, hertz
from ssmphony.codecs.source_filter import pitch_channel


class SpectrumConfig(GivenPitchConfig):
    """A source-filter codec whose frames are states of a text encoder, pitch, energy and a speaker's vector."""

    frames: ClassVar[str] = "text-states"
    kind: Literal["spectrum"] = "spectrum"
    d_text: int = 128
    """Channels of the text encoder's state."""
    d_speaker: int = 64
    """Channels of a speaker's vector."""

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


class SpectrumGenerator(GivenPitchFilter):
    """A frame is ``[text state, pitch in Hz / 128, energy, speaker's vector]``; the pitch is below 40 Hz where
    unvoiced, and the energy is that of `ssmphony.audio.frame_features.frame_energy`."""

    def __init__(self, config: SpectrumConfig) -> None:
        super().__init__(config, config.d_text + 2, config.d_speaker)
        self.config = config

    def split(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        text, pitch, energy, speaker = frames.split([self.config.d_text, 1, 1, self.config.d_speaker], dim=-1)
        pitch = hertz(pitch)
        return torch.cat([text, pitch_channel(pitch), energy], dim=-1), pitch, speaker
