"""Clips that are broken whatever they should say: empty, not finite, silent, clipped, far too long, noisy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssmphony.types import Samples

CLIPPED_LEVEL = 0.999
CLIPPED_SAMPLES = 3
"""This many samples at full scale, anywhere in the clip, are audible as a crack."""
SILENT_LEVEL = 10 ** (-50.0 / 20.0)
"""Root-mean-square of the loudest 50 ms below which nothing was said."""
LONGEST_PHONEME_S = 0.30
SHORTEST_PHONEME_S = 0.025
"""Mean seconds of a phoneme, pauses included. Slow reading takes about 0.1; beyond these a clip is endless or cut."""

DRIFT_DB = 6.0
DRIFT_SEMITONES = 4.0


@dataclass(frozen=True)
class ClipCheck:
    """Measures of one clip, and the names of what is wrong with it, worst first."""

    seconds: float
    peak: float
    clipped_samples: int
    loudest_rms: float
    seconds_per_phoneme: float
    defects: tuple[str, ...]


def check_clip(samples: Samples, sample_rate: int, n_phonemes: int) -> ClipCheck:
    """samples (n,) of a clip that should speak ``n_phonemes`` phonemes."""
    seconds = len(samples) / sample_rate
    pace = seconds / max(n_phonemes, 1)
    if not len(samples):
        return ClipCheck(0.0, 0.0, 0, 0.0, 0.0, ("empty",))
    finite = bool(np.isfinite(samples).all())
    level = np.abs(np.nan_to_num(np.asarray(samples, np.float64), nan=0.0, posinf=1.0, neginf=-1.0))
    clipped = int((level >= CLIPPED_LEVEL).sum())
    loudest = float(short_time_rms(level, sample_rate).max())
    found = {
        "not finite": not finite,
        "silent": loudest < SILENT_LEVEL,
        "endless": pace > LONGEST_PHONEME_S,
        "cut short": pace < SHORTEST_PHONEME_S,
        "clipped": clipped >= CLIPPED_SAMPLES,
    }
    defects = tuple(name for name, is_there in found.items() if is_there)
    return ClipCheck(seconds, float(level.max()), clipped, loudest, pace, defects)


def short_time_rms(
    samples: npt.NDArray[np.floating], sample_rate: int, window_s: float = 0.05
) -> npt.NDArray[np.float64]:
    """Root-mean-square of windows side by side, the last one shorter: (ceil(n / window),)."""
    window = max(1, round(window_s * sample_rate))
    starts = np.arange(0, len(samples), window)
    sums = np.add.reduceat(np.asarray(samples, np.float64) ** 2, starts)
    return np.sqrt(sums / np.diff(np.append(starts, len(samples))))


def silence_share(samples: npt.NDArray[np.floating], sample_rate: int) -> float:
    """The share of 50 ms windows that lie 40 dB or more below the loudest one; 1 for silence."""
    if not len(samples):
        return 1.0
    levels = short_time_rms(samples, sample_rate)
    return float((levels <= levels.max() * 10 ** (-40.0 / 20.0)).mean())


@dataclass(frozen=True)
class Drift:
    """The last third of a long clip against the first: decibels of level, semitones of the middle pitch.

    ``pitch`` is NaN where a third is not voiced.
    """

    level_db: float
    pitch_semitones: float

    @property
    def drifts(self) -> bool:
        return abs(self.level_db) > DRIFT_DB or abs(self.pitch_semitones) > DRIFT_SEMITONES


def drift(samples: Samples, pitch: npt.NDArray[np.floating]) -> Drift:
    """samples (n,) and their F0 (frame,) in Hz, 0 = unvoiced."""
    rms = [np.sqrt(np.mean(np.asarray(part, np.float64) ** 2) + 1e-12) for part in np.array_split(samples, 3)]
    middle = [float(np.median(part[part > 0])) if (part > 0).any() else np.nan for part in np.array_split(pitch, 3)]
    return Drift(float(20 * np.log10(rms[2] / rms[0])), float(12 * np.log2(middle[2] / middle[0])))
