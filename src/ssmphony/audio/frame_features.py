"""Pitch and energy in the form in which frames of the ``spectrum`` codec hold them. NumPy only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.types import Samples

PITCH_UNIT_HZ = 128.0
"""Of the pitch in a frame: values near 1, and a power of two, so that no digit of the phase is lost."""
_FLOOR = 1e-3


def frame_energy(samples: Samples, hop_length: int) -> npt.NDArray[np.float32]:
    """Half the log root mean square of each whole hop of samples (n,), moved to about 0: (n // hop_length,).

    >>> frame_energy(np.full(600, 0.135, np.float32), 300).round(2).tolist()
    [1.0, 1.0]
    """
    hops = samples[: len(samples) // hop_length * hop_length].reshape(-1, hop_length)
    return (np.log(np.sqrt(np.square(hops).mean(axis=1)) + _FLOOR) / 2 + 2).astype(np.float32)
