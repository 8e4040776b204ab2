"""Features of sound for Fréchet distances, by name.

A distance is only as informative as the features it is taken on, so the report gives one table for each. To add a set,
write a function and one line in `FEATURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ssmphony.arrays import Floats
from ssmphony.audio.mel import log_mel
from ssmphony.audio.resample import resample
from ssmphony.config import choose
from ssmphony.evaluation.metrics.distance import RANGE
from ssmphony.types import MelFormat, Samples, SsmphonyError

MEL_WINDOW_S = 0.4
MEL_GROUPS = 20


@dataclass(frozen=True)
class Features:
    """A set of features.

    Args:
        title: For the report.
        needs: The evaluator model that it asks, or nothing.
        extract: (samples (n,), sample rate, models by name) → (window, channel).
        reported: Whether `ssmphony evaluate` gives a table of it; the others are asked for by name.
    """

    title: str
    needs: str
    extract: Callable[[Samples, int, Mapping[str, Any]], Floats]
    reported: bool = True


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


def _of_model(name: str) -> Callable[[Samples, int, Mapping[str, Any]], Floats]:
    return lambda samples, sample_rate, models: models[name].features(samples, sample_rate)


FEATURES: dict[str, Features] = {
    "speaker": Features("GE2E speaker encoder", "speaker", speaker_states),
    "mel": Features("statistics of mel bands", "", mel_statistics),
    "recogniser": Features("last states of our recogniser", "recogniser", _of_model("recogniser"), reported=False),
    "distillmos": Features("last states of DistillMOS", "distillmos", _of_model("distillmos"), reported=False),
    "wavlm": Features("last states of WavLM", "wavlm", _of_model("wavlm"), reported=False),
    "rival_encoder": Features(
        "encoder of the network that is compared, as in the report of `ssmphony.codecs.s4d_legacy`: a distance on it "
        "says nothing",
        "rival_encoder",
        _of_model("rival_encoder"),
        reported=False,
    ),
}


def available(models: Mapping[str, Any]) -> dict[str, Features]:
    """The sets that are reported and whose model is there."""
    return {name: features for name, features in FEATURES.items() if features.reported and _has(features, models)}


def chosen(names: Iterable[str], models: Mapping[str, Any]) -> dict[str, Features]:
    """The sets of these names. Raises `SsmphonyError` for an unknown one, and where its model is missing."""
    found = {name: choose(FEATURES, name, "set of features") for name in names}
    for name, features in found.items():
        if not _has(features, models):
            raise SsmphonyError(f"features '{name}' need the model '{features.needs}', which is not loaded")
    return found


def _has(features: Features, models: Mapping[str, Any]) -> bool:
    return not features.needs or features.needs in models
