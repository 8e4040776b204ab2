"""16-bit samples: what players, sockets and most files take."""

from __future__ import annotations

from ssmphony.types import Samples


def pcm16(samples: Samples) -> bytes:
    """Little-endian 16-bit integers of samples (n,) in [-1, 1]."""
    return (samples * 32767.0).round().astype("<i2").tobytes()
