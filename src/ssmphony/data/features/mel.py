"""``mel``: the log-mel frames of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from ssmphony.audio.mel import log_mel
from ssmphony.data.features.feature import Feature, Source
from ssmphony.data.features.samples import SamplesFeature
from ssmphony.types import MelFormat


class MelFeature(Feature):
    """(frame, n_mels) float32, natural logarithm."""

    name = "mel"
    kept = True

    def __init__(self, mel_format: MelFormat) -> None:
        self.format = mel_format
        self.samples = SamplesFeature(mel_format.sample_rate)

    def settings(self) -> Mapping[str, Any]:
        return asdict(self.format)

    def compute(self, source: Source) -> npt.NDArray[np.float32]:
        return log_mel(self.samples.read(source), self.format)
