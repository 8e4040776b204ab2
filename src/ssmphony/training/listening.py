"""Mel frames as sound, to hear in TensorBoard what an acoustic model has learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.codecs.griffin_lim import GriffinLimConfig
from ssmphony.codecs.mel_vocoder import MelVocoder
from ssmphony.interfaces import Decoder
from ssmphony.training.initial import load_exactly
from ssmphony.types import SsmphonyError


class Listening:
    """Decodes on the CPU. Not a module: the codec is no part of what is trained or saved."""

    def __init__(self, settings: Any, weights: str | None) -> None:
        """settings: the codec's config; weights: a vocoder's run or checkpoint, or None for Griffin-Lim.

        Raises `SsmphonyError` when the weights are not there or do not fit.
        """
        self.codec: Decoder
        if weights is None:
            self.codec = GriffinLimConfig(format=settings.format).build()
            return
        codec = settings.build()
        if not isinstance(codec, MelVocoder):
            raise SsmphonyError(f"task.vocoder: a codec of kind '{settings.kind}' has no weights; leave it out")
        load_exactly(codec, Path(weights), "codec")
        self.codec = codec.eval().requires_grad_(False)

    @property
    def sample_rate(self) -> int:
        return self.codec.grid.sample_rate

    @torch.no_grad()
    def sound(self, mel: Tensor) -> Tensor:
        """mel (frame, n_mels), natural log → samples (frame * hop_length,)."""
        ahead = self.codec.lookahead
        frames = F.pad(mel.detach().cpu().float(), (0, 0, 0, ahead))[None]
        mask = torch.arange(frames.shape[1])[None] < len(mel)
        with torch.autocast("cpu", enabled=False):
            samples, _ = self.codec.decode(frames, mask, self.codec.initial_state(1))
        return samples[0, ahead * self.codec.grid.hop_length :]
