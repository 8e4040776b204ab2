"""``reference``: how the speaker of a clip sounds, a stretch of another clip of the same speaker."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ssmphony.data.features.feature import Source
from ssmphony.data.features.samples import SamplesFeature


class References:
    """Stretches of ``seconds`` at ``sample_rate`` Hz: a function of the seed, the step and the clip."""

    name = "reference"

    def __init__(self, sources: Sequence[Source], sample_rate: int, seconds: float, seed: int) -> None:
        self.sources = sources
        self.samples = SamplesFeature(sample_rate)
        self.length = round(seconds * sample_rate)
        self.seed = seed
        self._by_speaker: dict[str, list[int]] = {}
        for index, source in enumerate(sources):
            self._by_speaker.setdefault(source.clip.speaker, []).append(index)

    def read(self, index: int, step: int) -> npt.NDArray[np.float32]:
        """(length,) float32 for clip ``index`` in step ``step``; a shorter clip is followed by silence.

        The only clip of a speaker is its own reference.
        """
        chosen, random = self.other(index, step)
        samples = self.samples.read(self.sources[chosen])
        first = int(random.integers(max(1, len(samples) - self.length + 1)))
        part = samples[first : first + self.length]
        return np.pad(part, (0, self.length - len(part)))

    def other(self, index: int, step: int) -> tuple[int, np.random.Generator]:
        """Another clip of the speaker of clip ``index``, and what chooses a stretch of it."""
        random = np.random.default_rng((self.seed, step, index))
        others = self._by_speaker[self.sources[index].clip.speaker]
        chosen = others[int(random.integers(len(others)))]
        if chosen == index and len(others) > 1:
            chosen = others[(others.index(index) + 1 + int(random.integers(len(others) - 1))) % len(others)]
        return chosen, random
