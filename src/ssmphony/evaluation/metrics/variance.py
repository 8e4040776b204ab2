"""Over-smoothing: how much of the movement of the recordings' spectrum is left.

Global variance is the variance over time of each mel band of a clip (Toda and Tokuda, *A speech parameter generation
algorithm considering global variance*, 2007). Below 1 the voice sounds muffled; noise and buzz bring it above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.audio.mel import log_mel
from ssmphony.evaluation.metrics.distance import RANGE, SPEECH
from ssmphony.types import MelFormat, Samples

GROUPS = 10


def band_variance(samples: Samples, mel_format: MelFormat = MelFormat()) -> npt.NDArray[np.float64]:
    """Variance of each log-mel band over the frames of speech, (n_mels,); levels below hearing count as one."""
    mel = log_mel(samples, mel_format).astype(np.float64)
    mel = np.maximum(mel, mel.max() - RANGE)
    return mel[mel.max(axis=1) > mel.max() - SPEECH].var(axis=0)


def variance_ratio(reference: npt.NDArray[np.floating], sound: npt.NDArray[np.floating]) -> float:
    """The geometric mean over bands of the ratio of variances (n_mels,); bands that stand still are left out."""
    moving = (reference > 1e-6) & (sound > 1e-6)
    if not moving.any():
        return float("nan")
    return float(np.exp(np.log(sound[moving] / reference[moving]).mean()))


def by_region(reference: npt.NDArray[np.floating], sound: npt.NDArray[np.floating]) -> list[float]:
    """The ratio in `GROUPS` regions of the mel axis, low bands first."""
    regions = zip(np.array_split(reference, GROUPS), np.array_split(sound, GROUPS), strict=True)
    return [variance_ratio(a, b) for a, b in regions]
