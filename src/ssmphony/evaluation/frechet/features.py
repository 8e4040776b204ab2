"""Features of sound for Fréchet distances, by name.

A distance is only as informative as the features it is taken on, so the report gives one table for each. To add a set,
write a function and one line in `FEATURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmphony.arrays import Floats
from ssmphony.audio.mel import log_mel
from ssmphony.audio.resample import resample
from ssmphony.evaluation.metrics.distance import RANGE
from ssmphony.types import MelFormat, Samples

MEL_WINDOW_S = 0.4
MEL_GROUPS = 20


@dataclass(frozen=True)
class Features:
    """A set of features.

    Args:
        title: For the report.
        needs: The evaluator model that it asks, or nothing.
        extract: (samples (n,), sample rate, models by name) → (window, channel).
    """

    title: str
    needs: str
    extract: Callable[[Samples, int, Mapping[str, Any]], Floats]


def mel_statistics(samples: Samples, sample_rate: int, models: Mapping[str, Any] | None = None) -> Floats:
    """Mean and standard deviation over 0.4 s of log-mel energy in `MEL_GROUPS` bands: (window, 2 * MEL_GROUPS).

    Levels more than 60 dB below the loudest band count as silence. A shorter sound is one window.
    """
    mel_format = MelFormat()
    mel = log_mel(resample(samples, sample_rate, mel_format.sample_rate), mel_format)
    mel = np.maximum(mel, mel.max() - RANGE)
    bands = np.stack([group.mean(axis=1) for group in np.array_split(mel, MEL_GROUPS, axis=1)], axis=1)
    size = round(MEL_WINDOW_S * mel_format.frame_rate)
    count = max(1, len(bands) // size)
    windows = [bands[k * size : (k + 1) * size] for k in range(count)]
    return np.stack([np.concatenate([part.mean(axis=0), part.std(axis=0)]) for part in windows]).astype(np.float32)


def speaker_states(samples: Samples, sample_rate: int, models: Mapping[str, Any]) -> Floats:
    """Hidden states of the GE2E speaker encoder, (window, 256)."""
    return models["speaker"].encode(samples, sample_rate)[0]


FEATURES: dict[str, Features] = {
    "speaker": Features("GE2E speaker encoder", "speaker", speaker_states),
    "mel": Features("statistics of mel bands", "", mel_statistics),
}


def available(models: Mapping[str, Any]) -> dict[str, Features]:
    """The sets whose model is there."""
    return {name: features for name, features in FEATURES.items() if not features.needs or features.needs in models}
