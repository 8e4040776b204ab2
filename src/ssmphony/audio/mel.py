"""The one mel spectrogram of the project, in NumPy.

Magnitude STFT (Hann, centred, reflected edges) → HTK triangular filters without area norm → natural logarithm,
clamped. With `MelFormat`'s defaults these are exactly the features that the public Vocos 24 kHz vocoder takes.

O'Shaughnessy, *Speech Communication* (1987), p. 150: mel(f) = 2595 log10(1 + f / 700).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from ssmphony.interfaces import Encoder
from ssmphony.types import MelFormat, Samples


@cache
def hann(n: int) -> npt.NDArray[np.float64]:
    """Periodic Hann window of ``n`` samples."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)


@cache
def mel_filterbank(mel_format: MelFormat) -> Samples:
    """Triangular HTK mel filters, (n_fft // 2 + 1, n_mels)."""
    frequencies = np.linspace(0, mel_format.sample_rate / 2, mel_format.n_fft // 2 + 1)
    edges = _to_hertz(np.linspace(_to_mel(mel_format.f_min), _to_mel(mel_format.f_max), mel_format.n_mels + 2))
    widths = np.diff(edges)
    slopes = edges[None, :] - frequencies[:, None]
    rising = -slopes[:, :-2] / widths[:-1]
    falling = slopes[:, 2:] / widths[1:]
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def log_mel(samples: Samples, mel_format: MelFormat = MelFormat()) -> Samples:
    """samples (n,) at the format's rate → (1 + n // hop_length, n_mels) natural-log mel magnitudes."""
    n_fft, hop = mel_format.n_fft, mel_format.hop_length
    if len(samples) == 0:
        return np.full((1, mel_format.n_mels), np.log(mel_format.log_floor), np.float32)
    mode = "reflect" if len(samples) > n_fft // 2 else "constant"
    padded = np.pad(samples.astype(np.float32), n_fft // 2, mode=mode)
    windows = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    magnitude = np.abs(np.fft.rfft(windows * hann(n_fft).astype(np.float32), axis=-1)).astype(np.float32)
    return np.log(np.maximum(magnitude @ mel_filterbank(mel_format), mel_format.log_floor))


class MelEncoder(Encoder):
    """The encoder of every codec whose frames are log-mel."""

    def __init__(self, mel_format: MelFormat) -> None:
        self.format = mel_format
        self.grid = mel_format.grid

    def encode(self, samples: Samples) -> Samples:
        """samples (batch, n) → log-mel (batch, 1 + n // hop_length, n_mels)."""
        return np.stack([log_mel(row, self.format) for row in samples])


def _to_mel(hertz: float) -> float:
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def _to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
