"""Short stretches of sound, of which a training's sound is made."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.codecs.source_filter import SourceFilter
from ssmphony.data.dataset import Batch
from ssmphony.nn.gather import take
from ssmphony.training.losses import random_windows

EDGE_FRAMES = 2
"""At the ends of a crop, which lack the frames that were cut away."""


def sound_crops(
    codec: SourceFilter, batch: Batch, crop: int, frames: Callable[[Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """The codec's sound of a random stretch of each clip, and the recording's: (batch, samples) each.

    Args:
        batch: With the feature ``samples``.
        crop: Frames of a stretch; `EDGE_FRAMES` at either end are left out of the sound.
        frames: From places (batch, crop) to the codec's frames (batch, crop, channel).
    """
    hop = codec.grid.hop_length
    window = random_windows(batch.frame_mask.sum(dim=1), crop).clamp(max=batch.frame_mask.shape[1] - 1)
    made = codec(frames(window), first=window[:, 0])
    samples = F.pad(batch.features["samples"], (0, (crop + 1) * hop))
    place = window[:, :1] * hop + torch.arange(crop * hop, device=window.device)
    real, edge = take(samples, place.clamp(max=samples.shape[1] - 1)), EDGE_FRAMES * hop
    return made[:, edge:-edge], real[:, edge:-edge]
