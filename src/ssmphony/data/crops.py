"""Random stretches of sound for training vocoders and codecs: batch ``step`` is a function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.data.features.f0 import F0Feature
from ssmphony.data.features.feature import Source
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.data.prepared import read_array
from ssmphony.data.selection import SelectedCorpus, select
from ssmphony.types import FrameGrid, MelFormat, SsmphonyError


class CropSource(SelectedCorpus):
    """A prepared corpus of sound, and its share of the crops."""

    weight: float = 1.0
    """A second of weight 2 is drawn twice as often as one of weight 1."""
    mels: str | None = None
    """A folder that `ssmphony distill` wrote: frames of a model instead of the recordings' own."""


class Crops(NamedTuple):
    """samples: (size, length) in [-1, 1]; frames: (size, length // hop, n_mels) log-mel; made: (size,) bool, which rows
    of ``frames`` hold what a model made (the others are zero: take the recording's own); pitch: (size, frames) in Hz, 0
    where there is none, all zero unless asked for."""

    samples: npt.NDArray[np.float32]
    frames: npt.NDArray[np.float32]
    made: npt.NDArray[np.bool_]
    pitch: npt.NDArray[np.float32]


class Clip(NamedTuple):
    samples: npt.NDArray[np.int16]
    mel: npt.NDArray[np.float32] | None
    pitch: npt.NDArray[np.float32] | None


class AudioCrops:
    """Prepared corpora held in memory as 16-bit samples (about 170 MB an hour)."""

    def __init__(
        self,
        sources: Sequence[CropSource],
        frames: int,
        seed: int = 0,
        audio: MelFormat | FrameGrid = MelFormat(),
        pitch: float | None = None,
    ) -> None:
        """Clips that are shorter than a crop are padded with silence.

        Args:
            frames: Of a crop.
            audio: What the frames of ``mels`` are; or, where no source has any, the grid of a codec's own frames.
            pitch: Where in its hop a frame's pitch is (`F0Feature`); None: no pitch is read.
        """
        self.sources = tuple(sources)
        self.frames = frames
        self.seed = seed
        self.grid = audio.grid if isinstance(audio, MelFormat) else audio
        self.silence = np.log(audio.log_floor) if isinstance(audio, MelFormat) else 0.0
        self.pitch = pitch

    @property
    def length(self) -> int:
        """Samples of a crop."""
        return self.frames * self.grid.hop_length

    @cached_property
    def _clips(self) -> tuple[list[Clip], npt.NDArray[np.float64]]:
        clips: list[Clip] = []
        weights: list[float] = []
        sound, f0 = SamplesFeature(self.grid.sample_rate), F0Feature(self.grid, self.pitch or 0.0)
        for source, rows in zip(self.sources, select(self.sources), strict=True):
            for row in rows:
                clip = Source(Path(source.path), row)
                samples = np.round(sound.read(clip) * 32768).clip(-32768, 32767).astype(np.int16)
                mel = _read_mel(Path(source.mels), row.id) if source.mels else None
                pitch = None if self.pitch is None else f0.read(clip)
                clips.append(Clip(samples, mel, pitch))
                weights.append(source.weight * max(len(samples), self.length))
        if not clips:
            raise SsmphonyError("no clips to train on: run `ssmphony prepare` first")
        total = np.array(weights)
        return clips, total / total.sum()

    def batch(self, step: int, size: int) -> Crops:
        """The same for the same seed and step."""
        clips, probabilities = self._clips
        hop = self.grid.hop_length
        random = np.random.default_rng((self.seed, step))
        crops = Crops(
            np.zeros((size, self.length), np.float32),
            np.zeros((size, self.frames, self.grid.channels), np.float32),
            np.zeros(size, np.bool_),
            np.zeros((size, self.frames), np.float32),
        )
        for row, index in enumerate(random.choice(len(clips), size, p=probabilities)):
            clip = clips[index]
            first = int(random.integers(max(1, len(clip.samples) // hop + 1 - self.frames)))
            part = clip.samples[first * hop : first * hop + self.length]
            log_gain = np.float32(random.uniform(-6, 1) * np.log(10) / 20)
            crops.samples[row, : len(part)] = part * (np.exp(log_gain) / np.float32(32768))
            if clip.mel is not None:
                mel = clip.mel[first : first + self.frames] + log_gain
                crops.frames[row] = self.silence
                crops.frames[row, : len(mel)] = mel
                crops.made[row] = True
            if clip.pitch is not None:
                pitch = clip.pitch[first : first + self.frames]
                crops.pitch[row, : len(pitch)] = pitch
        return crops


def _read_mel(folder: Path, name: str) -> npt.NDArray[np.float32]:
    path = folder / f"{name}.npy"
    return read_array(path, f"{path} is missing: run `ssmphony distill` on the corpus").astype(np.float32)
