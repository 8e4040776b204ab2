"""How far one sound is from another, frame by frame.

Mel-cepstra are the cosine coefficients of the log-mel spectrum (natural logarithm of magnitudes),

    L(w) = c_0 + sum_m c_m cos(m w)        c_m = 2 / K sum_k L_k cos(pi m (k + 1/2) / K)

and mel-cepstral distortion is the root-mean-square difference of two such smoothed spectra in decibels, the level
c_0 left out (Kubichek, *Mel-cepstral distance measure for objective speech quality assessment*, 1993):

    MCD = 10 / ln 10 * sqrt(2 sum_{m=1}^{13} (c_m - c'_m)^2)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ssmphony.arrays import Reals
from ssmphony.audio.mel import log_mel
from ssmphony.evaluation.metrics.warping import Path, pairwise_distance, warp
from ssmphony.types import MelFormat, Samples

ORDER = 13
RANGE = np.log(10.0 ** (60.0 / 20.0))
"""Frames are compared down to 60 dB below the loudest band of the reference: below is what nobody hears."""
SPEECH = np.log(10.0 ** (40.0 / 20.0))
"""Frames whose loudest band lies so far below that of their sound are pauses. Two pauses are equal for free, so only
pairs in which at least one frame is speech count: more silence must not make a voice better."""


@dataclass(frozen=True)
class Distance:
    """Averages over the aligned frames of speech: ``mel_l1`` in natural log units (1 = 8.7 dB), ``mcd_db`` in dB."""

    mel_l1: float
    mcd_db: float
    path: Path
    """(steps, 2): which frame of the reference was compared with which frame of the sound."""


def mel_cepstra(mel: Reals, order: int = ORDER) -> npt.NDArray[np.float64]:
    """Log-mel (time, band) → c_1 … c_order, (time, order)."""
    n_bands = mel.shape[1]
    angles = np.pi * np.outer(np.arange(1, order + 1), np.arange(n_bands) + 0.5) / n_bands
    return np.asarray(mel, np.float64) @ np.cos(angles).T * (2.0 / n_bands)


def mel_cepstral_distortion(a: Reals, b: Reals) -> float:
    """Mean over frames that belong together: cepstra a, b (time, order) → dB."""
    return float(10.0 / np.log(10.0) * np.sqrt(2.0 * ((a - b) ** 2).sum(axis=1)).mean())


def compare(
    reference: Samples, sound: Samples, mel_format: MelFormat = MelFormat(), *, aligned: bool = False
) -> Distance:
    """Distances of a sound from a reference at the format's rate.

    ``aligned`` says that both run in step (copy-synthesis): then frame is compared with frame, else along the
    cheapest warping of their cepstra. Raises ValueError when one of them is empty.
    """
    if not len(reference) or not len(sound):
        raise ValueError("cannot compare with a sound of no samples")
    a, b = log_mel(reference, mel_format), log_mel(sound, mel_format)
    floor = a.max() - RANGE
    a, b = np.maximum(a, floor), np.maximum(b, floor)
    cepstra_a, cepstra_b = mel_cepstra(a), mel_cepstra(b)
    if aligned:
        steps = np.arange(min(len(a), len(b)))
        path = np.stack([steps, steps], axis=1)
    else:
        path = warp(pairwise_distance(cepstra_a, cepstra_b))
    i, j = path.T
    speech = (a.max(axis=1) > a.max() - SPEECH)[i] | (b.max(axis=1) > b.max() - SPEECH)[j]
    i, j = i[speech], j[speech]
    mel_l1 = float(np.abs(a[i].astype(np.float64) - b[j]).mean())
    return Distance(mel_l1, mel_cepstral_distortion(cepstra_a[i], cepstra_b[j]), path)
