"""Decode validation clips to sound for TensorBoard."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.codecs.codec import LOG_MEL, NetworkCodec
from ssmphony.codecs.griffin_lim import GriffinLimConfig
from ssmphony.interfaces import Decoder
from ssmphony.training.initial import load_codec
from ssmphony.types import SsmphonyError


class Listening:
    """Decodes on the CPU. Not a module: the codec is no part of what is trained or saved."""

    def __init__(self, settings: Any, weights: str | None) -> None:
        """Build the codec.

        Args:
            settings: The codec's config.
            weights: A run, checkpoint or voice with its weights. None: log-mel is decoded by Griffin-Lim.

        Raises:
            SsmphonyError: The weights are missing or do not fit; or there are none, and frames are not log-mel.
        """
        self.codec: Decoder
        if weights is None:
            if settings.frames != LOG_MEL:
                raise SsmphonyError(f"task.vocoder is missing: a codec of kind '{settings.kind}' needs weights")
            self.codec = GriffinLimConfig(format=settings.format).build()
            return
        codec = settings.build()
        if not isinstance(codec, NetworkCodec):
            raise SsmphonyError(f"task.vocoder: a codec of kind '{settings.kind}' has no weights; leave it out")
        load_codec(codec, weights)
        self.codec = codec.eval().requires_grad_(False)

    @property
    def sample_rate(self) -> int:
        return self.codec.grid.sample_rate

    @torch.no_grad()
    def sound(self, frames: Tensor) -> Tensor:
        """frames (frame, channel) → samples (frame * hop_length,)."""
        ahead = self.codec.lookahead
        padded = F.pad(frames.detach().cpu().float(), (0, 0, 0, ahead))[None]
        mask = torch.arange(padded.shape[1])[None] < len(frames)
        with torch.autocast("cpu", enabled=False):
            samples, _ = self.codec.decode(padded, mask, self.codec.initial_state(1))
        return samples[0, ahead * self.codec.grid.hop_length :]
