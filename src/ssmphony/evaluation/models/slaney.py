"""The mel spectrogram that the public models were trained on: Slaney's scale, filters of equal area, power, centred.

    mel(f) = 3 f / 200 below 1 kHz, 15 + 27 ln(f / 1000) / ln 6.4 above

Slaney, *Auditory Toolbox* (1998). The project's own mel (`ssmphony.audio.mel`) is another one.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from ssmphony.arrays import Doubles
from ssmphony.types import Samples

_KNEE_HZ, _KNEE_MEL = 1000.0, 15.0
_STEP = np.log(6.4) / 27.0


@cache
def filterbank(rate: int, n_fft: int, n_mels: int) -> Doubles:
    """Triangles of equal area from 0 Hz to half the rate: (1 + n_fft // 2, n_mels)."""
    frequencies = np.fft.rfftfreq(n_fft, 1.0 / rate)
    edges = _to_hertz(np.linspace(0.0, _to_mel(rate / 2.0), n_mels + 2))
    rising = (frequencies[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequencies[:, None]) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))


def mel_power(samples: Samples, rate: int, n_fft: int, hop: int, n_mels: int) -> Doubles:
    """samples (n,) → (frame, n_mels) of power, frame t centred on sample t * hop, silence around the sound."""
    padded = np.pad(np.asarray(samples, np.float64), n_fft // 2)
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    return np.abs(np.fft.rfft(frames * window)) ** 2 @ filterbank(rate, n_fft, n_mels)


def decibels(power: Doubles, reach: float = 80.0) -> Doubles:
    """Decibels below the loudest value, down to ``-reach``."""
    level = 10.0 * np.log10(np.maximum(power, 1e-10))
    return np.maximum(level - level.max(), -reach)


def _to_mel(hertz: float) -> float:
    low = 3.0 * hertz / 200.0
    return float(low if hertz < _KNEE_HZ else _KNEE_MEL + np.log(hertz / _KNEE_HZ) / _STEP)


def _to_hertz(mel: Doubles) -> Doubles:
    return np.where(mel < _KNEE_MEL, mel * 200.0 / 3.0, _KNEE_HZ * np.exp(_STEP * (mel - _KNEE_MEL)))
