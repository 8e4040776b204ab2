"""A limiter without memory: chunks stay equal to the whole."""

from __future__ import annotations

import numpy as np

from ssmphony.types import Samples

KNEE = 0.9
"""Samples up to this size stay as they are; louder ones approach full scale and never pass it."""


def limit(samples: Samples) -> Samples:
    """Bend what is louder than `KNEE`, so that overshoots are not clipped at full scale; each sample by itself."""
    size = np.abs(samples)
    if not (size > KNEE).any():
        return samples
    room = np.float32(1.0 - KNEE)
    bent = np.minimum(size, KNEE) + room * np.tanh(np.maximum(size - KNEE, 0.0) / room)
    return np.copysign(bent, samples)
