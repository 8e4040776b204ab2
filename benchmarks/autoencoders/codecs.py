"""Trained codecs, of runs and of voices: their copies of recordings, and what their priors generate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchmarks.fish.codecs import codec_of
from benchmarks.trainings import checkpoint
from ssmphony.audio.resample import resample
from ssmphony.codecs.codec import TrainableCodec
from ssmphony.codecs.s4d_autoencoder import S4DAutoencoder
from ssmphony.config import load_json, parse
from ssmphony.export.weights import read_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.training.config import TrainingConfig
from ssmphony.types import FrameGrid, Samples, SsmphonyError

RATE = 16_000
"""At which all are compared."""
ROWS = 16
"""Sounds that a prior generates at once."""
SEED = 1


class Run(NamedTuple):
    """A trained codec. ``copy`` encodes and decodes samples (n,) at the rate of ``grid``."""

    name: str
    grid: FrameGrid
    copy: Callable[[Samples], Samples]
    parameters: int | None
    codec: TrainableCodec | None = None

    @property
    def prior(self) -> S4DAutoencoder | None:
        """The codec, if its latents can be drawn from a prior."""
        codec = self.codec
        return codec if isinstance(codec, S4DAutoencoder) and codec.config.bottleneck in ("vae", "sigreg") else None

    @property
    def compression(self) -> dict[str, float]:
        """Numbers a second and bits a second; of numbers that are not codes, 32 bits each."""
        grid, rate = self.grid, self.grid.frame_rate
        if isinstance(self.codec, S4DAutoencoder):
            found = self.codec.compression
            numbers, bits = grid.sample_rate / found.ratio, found.bits_per_second
        elif grid.codebooks:
            numbers, bits = rate * len(grid.codebooks), rate * sum(map(math.log2, grid.codebooks))
        else:
            numbers, bits = rate * grid.channels, rate * grid.channels * 32
        return {"numbers_per_second": numbers, "bits_per_second": bits}


def load(path: Path) -> Run:
    """Of the folder of a training, of a voice or of an exported codec. Raises `SsmphonyError` for anything but a codec
    that encodes."""
    if not (path / "config.json").exists():
        shipped = codec_of(path.name, path)
        return Run(path.name, shipped.decoder.grid, shipped.copy, None)
    config = parse(TrainingConfig, load_json(path / "config.json"), str(path))
    codec = config.voice.codec_settings().build()
    if not isinstance(codec, TrainableCodec):
        raise SsmphonyError(f"{path}: not a training of a codec that encodes recordings")
    load_exactly(codec, read_weights(checkpoint(path), "codec"), path, "the codec")
    codec.eval().requires_grad_(False)
    count = sum(parameter.numel() for parameter in codec.parameters())
    return Run(path.name, codec.grid, partial(_copy, codec), count, codec)


@torch.inference_mode()
def _copy(codec: TrainableCodec, samples: Samples) -> Samples:
    return codec.render(codec.analyse(torch.from_numpy(samples)[None])).samples[0].float().numpy()


def copies(run: Run, sounds: Sequence[Samples]) -> list[Samples]:
    """Each sound (n,) at `RATE`, encoded and decoded again, as long as it was."""
    found: list[Samples] = []
    rate = run.grid.sample_rate
    for sound in sounds:
        copy = resample(run.copy(resample(sound, RATE, rate)), rate, RATE)[: len(sound)]
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
