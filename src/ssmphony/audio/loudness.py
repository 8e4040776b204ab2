"""Integrated loudness, ITU-R BS.1770-4, of one channel, and the gain that brings a clip to a level."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ssmphony.types import Samples

_BLOCK_S = 0.4
_STEP_S = 0.1
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE = -10.0


def loudness(samples: Samples, rate: int) -> float:
    """Gated loudness of samples (n,) in LUFS; ``-inf`` for silence.

    A clip shorter than one 400 ms block is measured as a single block.
    """
    if len(samples) == 0:
        return -np.inf
    weighted = _k_weighted(samples, rate)
    block, step = min(round(_BLOCK_S * rate), len(weighted)), round(_STEP_S * rate)
    energy = np.concatenate(([0.0], np.cumsum(weighted**2)))
    starts = np.arange(0, len(weighted) - block + 1, step)
    power = (energy[starts + block] - energy[starts]) / block
    power = power[_lufs(power) > _ABSOLUTE_GATE]
    if len(power) == 0:
        return -np.inf
    return float(_lufs(power[_lufs(power) > _lufs(power.mean()) + _RELATIVE_GATE].mean()))


def normalise(samples: Samples, rate: int, target_lufs: float = -20.0, peak: float = 0.95) -> Samples:
    """Scale samples (n,) to ``target_lufs``, or less far where their peak would pass ``peak``. Silence stays."""
    level = loudness(samples, rate)
    if not np.isfinite(level):
        return np.asarray(samples, np.float32)
    gain = min(10 ** ((target_lufs - level) / 20), peak / float(np.abs(samples).max()))
    return (samples * np.float32(gain)).astype(np.float32)


def _lufs(power: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return -0.691 + 10 * np.log10(np.maximum(power, 1e-20))


def _k_weighted(samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """The K filter applied in the frequency domain; the padding lets its tail (tens of ms) ring out."""
    n_fft = 1 << (len(samples) + rate // 2).bit_length()
    spectrum = np.fft.rfft(samples.astype(np.float64), n_fft)
    return np.fft.irfft(spectrum * _k_response(n_fft, rate), n_fft)[: len(samples)]


@lru_cache(maxsize=8)
def _k_response(n_fft: int, rate: int) -> npt.NDArray[np.complex128]:
    """Head shelf and high-pass of BS.1770, for any rate through the bilinear transform.

    The analogue parameters that reproduce the 48 kHz table of the standard are those of De Man, "Evaluation of
    Implementations of the EBU R128 Loudness Measurement", AES 145 (2018).
    """
    z = np.exp(-2j * np.pi * np.arange(n_fft // 2 + 1) / n_fft)
    k, q = np.tan(np.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = (high + band * k / q + k * k) + 2 * (k * k - high) * z + (high - band * k / q + k * k) * z**2
    shelf /= (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    k, q = np.tan(np.pi * 38.13547087602444 / rate), 0.5003270373238773
    pole = 1 + k / q + k * k
    high_pass = (1 - z) ** 2 / (1 + 2 * (k * k - 1) / pole * z + (1 - k / q + k * k) / pole * z**2)
    return shelf * high_pass
