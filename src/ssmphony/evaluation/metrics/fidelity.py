"""A sound compared with the sound that it copies, sample by sample: for copy-synthesis, never for free synthesis.

Multi-resolution STFT distance: the mean over three resolutions of spectral convergence and log-magnitude distance,

    | |X| - |Y| |_F / | |X| |_F  +  mean |ln |X| - ln |Y| |        (Yamamoto et al., *Parallel WaveGAN*, 2020)

SI-SDR is the scale-invariant signal-to-distortion ratio of Le Roux et al. (arXiv 1811.02508).

PESQ-wb is ITU-T P.862.2 (``pesq``), STOI the short-time objective intelligibility of Taal et al. (2011, ``pystoi``).
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import numpy.typing as npt

from ssmphony.audio.resample import resample
from ssmphony.types import Samples, SsmphonyError

RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))
"""FFT, hop and window in samples."""
WIDE_BAND = 16_000
FLOOR = 1e-5


def stft_distance(reference: Samples, sound: Samples) -> float:
    """Of two sounds of one rate, cut to the shorter; raises ValueError when one is empty."""
    count = min(len(reference), len(sound))
    if not count:
        raise ValueError("cannot compare with a sound of no samples")
    total = 0.0
    for n_fft, hop, window in RESOLUTIONS:
        x, y = (_magnitude(part[:count], n_fft, hop, window) for part in (reference, sound))
        total += float(np.linalg.norm(x - y) / np.linalg.norm(x) + np.abs(np.log(x) - np.log(y)).mean())
    return total / len(RESOLUTIONS)


def si_sdr(reference: Samples, sound: Samples) -> float:
    """In dB, of two sounds of one rate, cut to the shorter: the part of ``sound`` that is a multiple of ``reference``
    against the rest. NaN where either is silent."""
    x, y = (np.asarray(part, np.float64) for part in _in_step(reference, sound))
    energy = float(x @ x)
    if not energy or not y.any():
        return float("nan")
    target = (x @ y / energy) * x
    noise = y - target
    return float(10.0 * np.log10(max(float(target @ target), 1e-20) / max(float(noise @ noise), 1e-20)))


def _magnitude(samples: Samples, n_fft: int, hop: int, window: int) -> npt.NDArray[np.float64]:
    padded = np.pad(np.asarray(samples, np.float64), n_fft // 2)
    shape = np.zeros(n_fft)
    start = (n_fft - window) // 2
    shape[start : start + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    return np.maximum(np.abs(np.fft.rfft(frames * shape)), FLOOR)


class Pesq:
    """PESQ-wb, 1 to 4.64. Raises `SsmphonyError` when ``pesq`` is not installed."""

    def __init__(self) -> None:
        self._pesq = _package("pesq", "PESQ needs a compiler and: pip install pesq")

    def __call__(self, reference: Samples, sound: Samples, sample_rate: int) -> float:
        """NaN where PESQ finds no speech."""
        try:
            pair = (resample(part, sample_rate, WIDE_BAND) for part in _in_step(reference, sound))
            return float(self._pesq.pesq(WIDE_BAND, *pair, "wb"))
        except (self._pesq.NoUtterancesError, self._pesq.BufferTooShortError):
            return float("nan")


class Stoi:
    """STOI, 0 to 1. Raises `SsmphonyError` when ``pystoi`` is not installed."""

    def __init__(self) -> None:
        self._pystoi = _package("pystoi", "STOI needs: pip install pystoi")

    def __call__(self, reference: Samples, sound: Samples, sample_rate: int) -> float:
        return float(self._pystoi.stoi(*_in_step(reference, sound), sample_rate))


def _in_step(reference: Samples, sound: Samples) -> tuple[Samples, Samples]:
    count = min(len(reference), len(sound))
    return reference[:count], sound[:count]


def _package(name: str, missing: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise SsmphonyError(missing) from None
