"""``samples``: the sound of a clip at the codec's rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import soundfile

from ssmphony.audio.resample import resample
from ssmphony.data.features.feature import Feature, Source
from ssmphony.data.prepared import read_samples
from ssmphony.types import Samples, SsmphonyError


class SamplesFeature(Feature):
    """(n,) float32 in [-1, 1]. Clips that were prepared at a higher rate are resampled, and kept."""

    name = "samples"
    kept = True

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate

    def settings(self) -> Mapping[str, Any]:
        return {"sample_rate": self.sample_rate}

    def read(self, source: Source) -> Samples:
        """The file itself where it has the rate."""
        rate = prepared_rate(source)
        return read_samples(source.audio, rate) if rate == self.sample_rate else super().read(source)

    def compute(self, source: Source) -> Samples:
        rate = prepared_rate(source)
        if rate < self.sample_rate:
            raise SsmphonyError(
                f"{source.folder} was prepared at {rate} Hz, and the codec takes {self.sample_rate} Hz: prepare it "
                "into another folder with --config and the training file"
            )
        return resample(read_samples(source.audio, rate), rate, self.sample_rate)


def prepared_rate(source: Source) -> int:
    """The rate of a clip's file in Hz; raises `SsmphonyError` where it cannot be read."""
    try:
        return int(soundfile.info(source.audio).samplerate)
    except (soundfile.SoundFileError, OSError) as error:
        if not source.audio.exists():
            raise SsmphonyError(f"{source.audio} is missing: prepare the corpus again") from None
        message = f"{source.audio}: cannot be read ({error}): remove it and prepare the corpus again"
        raise SsmphonyError(message) from None
