"""Band-limited resampling by a rational factor: windowed-sinc interpolation as one matrix product a block.

    y[n] = Σ_k x[k] h(n·R/S − k),   h(t) = c·sinc(c·t)·w(t),   c = rolloff·min(1, S/R)

with source rate R, target rate S and a Kaiser window w (Smith, "Digital Audio Resampling Home Page", 2002).
After S/g outputs (g = gcd(R, S)) the fractional positions repeat, so one dense kernel serves every block.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, gcd

import numpy as np
import numpy.typing as npt

from ssmphony.types import Samples

_ZERO_CROSSINGS = 48
_ROLLOFF = 0.96
_KAISER_BETA = 10.0
_BLOCK_OUTPUTS = 64  # blocks at least this long, so that the product is worth a BLAS call
_ROWS = 4096  # blocks per product: bounds the memory


def resample(samples: Samples, rate: int, target_rate: int) -> Samples:
    """samples (n,) at ``rate`` Hz → (ceil(n · target_rate / rate),) at ``target_rate`` Hz.

    Output sample ``m`` sits exactly at time ``m / target_rate``. Outside the input is silence.
    """
    if rate == target_rate or len(samples) == 0:
        return np.asarray(samples, np.float32)
    divisor = gcd(rate, target_rate)
    repeat = ceil(_BLOCK_OUTPUTS / (target_rate // divisor))
    inputs, outputs = rate // divisor * repeat, target_rate // divisor * repeat
    kernel, margin = _kernel(inputs, outputs)
    length = ceil(len(samples) * target_rate / rate)
    n_blocks = ceil(length / outputs)
    padded = np.zeros(n_blocks * inputs + 2 * margin, np.float32)
    stop = min(len(samples), len(padded) - margin)
    padded[margin : margin + stop] = samples[:stop]
    windows = np.lib.stride_tricks.sliding_window_view(padded, inputs + 2 * margin)[::inputs]
    blocks = [windows[first : first + _ROWS] @ kernel for first in range(0, n_blocks, _ROWS)]
    return np.concatenate(blocks).reshape(-1)[:length]


@lru_cache(maxsize=16)
def _kernel(inputs: int, outputs: int) -> tuple[npt.NDArray[np.float32], int]:
    """The matrix (inputs + 2·margin, outputs) that makes one block, and the margin on both sides."""
    cutoff = _ROLLOFF * min(1.0, outputs / inputs)
    half_width = _ZERO_CROSSINGS / cutoff
    margin = ceil(half_width)
    taps = np.arange(inputs + 2 * margin)[:, None] - margin
    distance = np.arange(outputs)[None, :] * (inputs / outputs) - taps
    inside = np.clip(1.0 - (distance / half_width) ** 2, 0.0, None)
    window = np.i0(_KAISER_BETA * np.sqrt(inside)) / np.i0(_KAISER_BETA) * (inside > 0)
    kernel = cutoff * np.sinc(cutoff * distance) * window
    return (kernel / kernel.sum(axis=0)).astype(np.float32), margin
