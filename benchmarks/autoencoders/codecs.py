"""Trained codecs: their copies of recordings, and what their priors generate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ssmphony.audio.resample import resample
from ssmphony.codecs.codec import TrainableCodec
from ssmphony.codecs.s4d_autoencoder import S4DAutoencoder
from ssmphony.config import load_json, parse
from ssmphony.export.weights import read_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.training.config import TrainingConfig
from ssmphony.types import Samples, SsmphonyError

RATE = 16_000
"""At which all are compared."""
ROWS = 16
"""Sounds that a prior generates at once."""
SEED = 1


class Run(NamedTuple):
    """A trained codec."""

    name: str
    codec: TrainableCodec

    @property
    def prior(self) -> S4DAutoencoder | None:
        """The codec, if its latents can be drawn from a prior."""
        codec = self.codec
        return codec if isinstance(codec, S4DAutoencoder) and codec.config.bottleneck in ("vae", "sigreg") else None


def load(path: Path) -> Run:
    """Of a training's folder. Raises `SsmphonyError` for a training of anything but a codec of recordings."""
    config = parse(TrainingConfig, load_json(path / "config.json"), str(path))
    codec = config.voice.codec_settings().build()
    if not isinstance(codec, TrainableCodec):
        raise SsmphonyError(f"{path}: not a training of a codec that encodes recordings")
    best = path / "best.ckpt"
    load_exactly(codec, read_weights(best if best.is_file() else path, "codec"), path, "the codec")
    codec.eval().requires_grad_(False)
    return Run(path.name, codec)


def copies(codec: TrainableCodec, sounds: Sequence[Samples]) -> list[Samples]:
    """Each sound (n,) at `RATE`, encoded and decoded again, as long as it was."""
    found: list[Samples] = []
    rate = codec.grid.sample_rate
    with torch.inference_mode():
        for sound in sounds:
            frames = codec.analyse(torch.from_numpy(resample(sound, RATE, rate))[None])
            copy = resample(codec.render(frames).samples[0].float().numpy(), rate, RATE)[: len(sound)]
            found.append(np.pad(copy, (0, len(sound) - len(copy))))
    return found


def generated(codec: S4DAutoencoder, count: int, seconds: float) -> list[Samples]:
    """Sounds of latents that are drawn from the prior."""
    torch.manual_seed(SEED)
    found: list[Samples] = []
    frames = math.ceil(seconds * codec.grid.frame_rate)
    with torch.inference_mode():
        while len(found) < count:
            samples = codec.render(codec.sample_prior(min(ROWS, count - len(found)), frames)).samples.numpy()
            found.extend(resample(row, codec.grid.sample_rate, RATE) for row in samples)
    return found
