"""Long convolutions: by a Toeplitz matrix or by FFT, in float32 or better always.

Layout here is (channel, batch, time), which is what batched matrix products and FFTs want.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor
from torch.nn import functional as F


def smooth_length(length: int) -> int:
    """The smallest 5-smooth even number >= ``length``: FFTs of other lengths are several times slower."""
    n = max(2, length)
    while True:
        rest = n
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1 and n % 2 == 0:
            return n
        n += 1


def toeplitz(lags: Tensor, length: int) -> Tensor:
    """Matrix ``m[j, l] = lags[l - j]`` so that ``u @ m`` is the convolution of ``u`` with ``lags``.

    lags (channel, 2 * length): a circle of lags, entry ``i`` is lag ``i`` and entry ``2 * length - i`` is lag
    ``-i``. Returns (channel, length, length). Only expand, reshape and slice: exports, and its gradient is dense.
    """
    channels, period = lags.shape
    rows = lags.unsqueeze(1).expand(channels, length, period).reshape(channels, length * period)
    # Reading rows one element short turns each next row by one.
    return rows[:, : length * (period - 1)].reshape(channels, length, period - 1)[:, :, :length]


def causal_lags(kernel: Tensor) -> Tensor:
    """kernel (channel, length) → circle of lags (channel, 2 * length) with nothing at negative lags."""
    return F.pad(kernel, (0, kernel.shape[-1]))


def two_sided_lags(forward: Tensor, backward: Tensor) -> Tensor:
    """Circle of lags (channel, 2 * length): ``forward[i]`` at lag i plus ``backward[i]`` at lag -i.

    forward and backward (channel, length) meet at lag 0, where they add. Lag ``-length`` is out of reach: zero.
    """
    back = torch.cat([F.pad(backward[:, :1], (0, backward.shape[-1])), backward[:, 1:].flip(-1)], dim=-1)
    return causal_lags(forward) + back


#: Elements of a tile. PyTorch's buffers above 32 MiB come fresh from the kernel each time, and their page faults
#: cost more than the transforms: in tiles the same convolution is 2 to 3 times faster.
TILE_ELEMENTS = 500_000


def fft_convolve(u: Tensor, lags: Tensor) -> Tensor:
    """Convolve u (channel, batch, length) with lags (channel, 2 * length), see `toeplitz`; same shape as ``u``."""
    circles = circle(lags).split(_tile(u))
    return _convolve_tiles(u, (torch.fft.rfft(part) for part in circles))


def spectral_convolve(u: Tensor, spectrum: Tensor) -> Tensor:
    """`fft_convolve` with the lags whose `spectrum` is given, see there."""
    return _convolve_tiles(u, spectrum.split(_tile(u)))


def spectrum(lags: Tensor) -> Tensor:
    """Complex spectrum (channel, n / 2 + 1) of the lags (channel, 2 * length) on a circle of n, a length for FFTs."""
    return torch.cat([torch.fft.rfft(part) for part in circle(lags).split(_tile(lags.unsqueeze(1)))])


def circle(lags: Tensor) -> Tensor:
    """lags (channel, 2 * length) → (channel, n). Negative lags sit at the end: it opens between the two halves."""
    length = lags.shape[-1] // 2
    opened = F.pad(lags[:, :length], (0, smooth_length(2 * length) - 2 * length))
    return torch.cat([opened, lags[:, length:]], dim=-1)


def _tile(u: Tensor) -> int:
    """Channels of u (channel, batch, length) in a tile."""
    return max(1, TILE_ELEMENTS // max(1, u.shape[1] * smooth_length(2 * u.shape[2])))


def _convolve_tiles(u: Tensor, spectra: Iterable[Tensor]) -> Tensor:
    """Tiles of channels, and of rows where one channel alone is more than a tile."""
    length = u.shape[-1]
    n = smooth_length(2 * length)
    channels: list[Tensor] = []
    for part, factor in zip(u.split(_tile(u)), spectra, strict=True):
        rows = part.split(max(1, TILE_ELEMENTS // n), dim=1)
        tiles = [torch.fft.irfft(torch.fft.rfft(row, n=n) * factor.unsqueeze(1), n=n)[..., :length] for row in rows]
        channels.append(tiles[0] if len(tiles) == 1 else torch.cat(tiles, dim=1))
    return torch.cat(channels)


def convolve(u: Tensor, lags: Tensor) -> Tensor:
    """`fft_convolve` of u (channel, batch, length) in the precision of ``lags``, whatever autocast says."""
    with full_precision(u):
        return fft_convolve(u.to(lags.dtype), lags)


def full_precision(x: Tensor) -> AbstractContextManager[object]:
    """Context without autocast: kernels, FFTs and states lose too much in bfloat16."""
    device = x.device.type
    # Entered only when needed, so that exported graphs carry no trace of it.
    return torch.autocast(device, enabled=False) if torch.is_autocast_enabled(device) else nullcontext()
