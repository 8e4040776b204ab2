"""Random stretches of sound for training vocoders and codecs: batch ``step`` is a function of (seed, step)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ssmphony.config import Config
from ssmphony.types import SsmphonyError


class CropSource(Config):
    """A prepared corpus and its share: ``weight`` 2 is heard twice as often, per second, as weight 1.

    """

    path: str
    weight: float = 1.0
    exclude: str | None = None


class AudioCrops:
    """Prepared corpora held in memory as 16-bit samples (about 170 MB an hour)."""

    def __init__(self, sources: Sequence[CropSource], length: int, seed: int = 0) -> None:
        """``length`` in samples. Clips that are shorter are padded with silence."""
        self.sources = tuple(sources)
        self.length = length
        self.seed = seed

    @cached_property
    def _clips(self) -> tuple[list[npt.NDArray[np.int16]], npt.NDArray[np.float64]]:
        clips: list[npt.NDArray[np.int16]] = []
        weights: list[float] = []
        for source in self.sources:
            folder = Path(source.path)
            excluded = set(Path(source.exclude).read_text(encoding="utf-8").split()) if source.exclude else set()
            for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if row["id"] not in excluded:
                    samples, _ = soundfile.read(folder / row["audio"], dtype="int16")
                    clips.append(samples)
                    weights.append(source.weight * max(len(samples), self.length))
        if not clips:
            raise SsmphonyError("no clips to train on: run `ssmphony prepare` first")
        total = np.array(weights)
        return clips, total / total.sum()

    def batch(self, step: int, size: int) -> npt.NDArray[np.float32]:
        """(size, length) samples in [-1, 1]; the same for the same seed and step."""
        clips, probabilities = self._clips
        random = np.random.default_rng((self.seed, step))
        batch = np.zeros((size, self.length), np.float32)
        for row, index in enumerate(random.choice(len(clips), size, p=probabilities)):
            clip = clips[index]
            start = int(random.integers(max(1, len(clip) - self.length + 1)))
            part = clip[start : start + self.length]
            gain = 10 ** (random.uniform(-6, 1) / 20) / 32768
            batch[row, : len(part)] = part * np.float32(gain)
        return batch
