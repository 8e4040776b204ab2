"""Pairs of stretches of the same speaker, whatever is said: to train what tells speakers apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ssmphony.data.features.feature import Source
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.types import Samples, SsmphonyError


class SpeakerPairs:
    """Two stretches of ``seconds`` of each of ``speakers`` different speakers: a function of the seed and the step."""

    def __init__(self, sources: Sequence[Source], sample_rate: int, speakers: int, seconds: float, seed: int) -> None:
        """Clips of less than twice ``seconds`` are left out: both stretches may come from one clip.

        Raises `SsmphonyError` where fewer than ``speakers`` have a clip.
        """
        self.samples = SamplesFeature(sample_rate)
        self.length, self.speakers, self.seed = round(seconds * sample_rate), speakers, seed
        by_speaker: dict[str, list[Source]] = {}
        for source in sources:
            if source.clip.seconds >= 2.0 * seconds:
                by_speaker.setdefault(source.clip.speaker, []).append(source)
        self.clips = [by_speaker[name] for name in sorted(by_speaker)]
        if len(self.clips) < speakers:
            raise SsmphonyError(
                f"only {len(self.clips)} speakers have a clip of {2.0 * seconds:g} s or more, but {speakers} are to be "
                "told apart in a step: add corpora, or lower task.speakers.count or seconds"
            )

    def __call__(self, step: int) -> npt.NDArray[np.float32]:
        """(2, speakers, length) float32."""
        random = np.random.default_rng((self.seed, step))
        chosen = random.choice(len(self.clips), self.speakers, replace=False)
        pairs = [self._pair(self.clips[index], random) for index in chosen.tolist()]
        return np.stack([np.stack(side) for side in zip(*pairs, strict=True)])

    def _pair(self, clips: Sequence[Source], random: np.random.Generator) -> tuple[Samples, Samples]:
        """Of two clips where there are some; otherwise one stretch of each half of the only one."""
        if len(clips) > 1:
            first, second = random.choice(len(clips), 2, replace=False).tolist()
            one, other = (self.samples.read(clips[index]) for index in (first, second))
        else:
            one, other = np.array_split(self.samples.read(clips[0]), 2)
        return self._stretch(one, random), self._stretch(other, random)

    def _stretch(self, samples: Samples, random: np.random.Generator) -> Samples:
        first = int(random.integers(max(1, len(samples) - self.length + 1)))
        part = samples[first : first + self.length]
        return np.pad(part, (0, self.length - len(part)))
