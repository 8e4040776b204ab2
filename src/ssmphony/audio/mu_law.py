"""Mu-law companding (ITU-T G.711): samples as codes of 8 bits whose steps grow with the amplitude.

code = round((sign(x) log(1 + mu |x|) / log(1 + mu) + 1) / 2 * mu),  mu = levels - 1
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.types import Samples

LEVELS = 256
SILENCE = LEVELS // 2
"""The code of a sample of zero."""

Codes = npt.NDArray[np.int64]


def encode(samples: Samples, levels: int = LEVELS) -> Codes:
    """Samples in [-1, 1] of any shape → codes from 0 to levels - 1; what lies outside is clipped."""
    mu = levels - 1
    x = np.clip(np.asarray(samples, np.float64), -1.0, 1.0)
    companded = np.sign(x) * np.log1p(mu * np.abs(x)) / np.log1p(mu)
    return np.floor((companded + 1.0) / 2.0 * mu + 0.5).astype(np.int64)


def decode(codes: npt.NDArray[np.integer], levels: int = LEVELS) -> Samples:
    """Codes of any shape → samples; that of `SILENCE` is exactly zero."""
    mu = levels - 1
    companded = np.asarray(codes, np.float64) / mu * 2.0 - 1.0
    samples = np.sign(companded) * np.expm1(np.abs(companded) * np.log1p(mu)) / mu
    return np.where(np.asarray(codes) == levels // 2, 0.0, samples).astype(np.float32)


def unigram_bits(codes: npt.NDArray[np.integer], levels: int = LEVELS) -> float:
    """Entropy of the codes in bits: what a model needs that knows only how frequent each of them is."""
    share = np.bincount(np.asarray(codes).ravel(), minlength=levels) / max(1, np.size(codes))
    share = share[share > 0]
    return float(-(share * np.log2(share)).sum())
