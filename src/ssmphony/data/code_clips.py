"""Whole short clips as mu-law codes, with their classes: batch ``step`` is a function of (seed, step)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.audio.mu_law import SILENCE, encode, unigram_bits
from ssmphony.data.corpora.kokoro_teacher import BLEND
from ssmphony.data.features.feature import Source
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.data.manifest import Clip
from ssmphony.data.selection import SelectedCorpus, select
from ssmphony.types import SsmphonyError

_POOL = 8
"""Batches' worth of clips from which those of similar lengths are taken."""


class ClipSource(SelectedCorpus):
    """A prepared corpus of short clips."""


class CodeBatch(NamedTuple):
    """codes (batch, time) int64, `SILENCE` after the end; labels (batch,) int64, 0 where a clip has no class, else 1
    and up; lengths (batch,) int64, samples of the clips, without the silence."""

    codes: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]


class CodeClips:
    """Clips held in memory, a byte a sample. The text of a clip is its class."""

    def __init__(self, sources: Sequence[ClipSource], sample_rate: int, classes: Sequence[str], longest: int) -> None:
        """Clips are cut after ``longest`` samples. Raises `SsmphonyError` for a clip of no class, and for none at all.

        Without ``classes`` the texts are of no meaning.
        """
        labels = {name: number for number, name in enumerate(classes, start=1)}
        feature = SamplesFeature(sample_rate)
        self.clips: list[Clip] = []
        self.codes: list[npt.NDArray[np.uint8]] = []
        self.labels: list[int] = []
        for source, clips in zip(sources, select(sources), strict=True):
            for clip in clips:
                if classes and clip.text not in labels:
                    raise SsmphonyError(
                        f"{source.path}: the text of clip {clip.id}, '{clip.text}', is none of the classes"
                    )
                samples = feature.read(Source(Path(source.path), clip))[:longest]
                self.clips.append(clip)
                self.codes.append(encode(samples).astype(np.uint8))
                self.labels.append(labels.get(clip.text, 0))
        if not self.clips:
            raise SsmphonyError("no clips: run `ssmphony prepare` first")

    def __len__(self) -> int:
        return len(self.clips)

    def split(self, speakers: Sequence[str]) -> tuple[list[int], list[int]]:
        """The clips of all other speakers, and those in which one of ``speakers`` has a part, as indices.

        Raises `SsmphonyError` for one who does not speak, and where one side is empty.
        """
        parts = [set(clip.speaker.split(BLEND)) for clip in self.clips]
        if unknown := set(speakers) - set[str]().union(*parts):
            raise SsmphonyError(f"no clip is spoken by '{sorted(unknown)[0]}', who is to be held out")
        held = [index for index, names in enumerate(parts) if names & set(speakers)]
        rest = sorted(set(range(len(parts))) - set(held))
        if not held or not rest:
            raise SsmphonyError("name speakers to hold out, and leave some to train on")
        return rest, held

    def batch(self, indices: Sequence[int], silence: int = 0) -> CodeBatch:
        """The clips ``indices``, followed by at least ``silence`` samples of silence."""
        lengths = np.array([len(self.codes[index]) for index in indices])
        codes = np.full((len(indices), int(lengths.max()) + silence), SILENCE, np.int64)
        for row, index in enumerate(indices):
            codes[row, : lengths[row]] = self.codes[index]
        return CodeBatch(codes, np.array([self.labels[index] for index in indices]), lengths)

    def draw(self, among: Sequence[int], size: int, seed: int, step: int) -> list[int]:
        """Clips of similar lengths: batch ``step`` of those of ``seed``."""
        random = np.random.default_rng((seed, step))
        pool = sorted(random.choice(among, _POOL * size).tolist(), key=lambda index: len(self.codes[index]))
        first = int(random.integers(len(pool) - size + 1))
        return pool[first : first + size]

    def unigram_bits(self, indices: Sequence[int]) -> float:
        """Entropy of the codes of these clips in bits."""
        return unigram_bits(np.concatenate([self.codes[index] for index in indices]))
