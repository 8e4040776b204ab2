"""Fundamental frequency: YIN candidates, and the path through them that is smoothest over time.

    d(τ)  = Σ_j (x[j] − x[j + τ])²                     the difference function, one window a frame
    d′(τ) = d(τ) · τ / Σ_{k ≤ τ} d(k)                  1 on average, near 0 at a period

de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music", JASA 111 (2002). As in
pYIN (Mauch and Dixon, ICASSP 2014) several minima of a frame stay candidates, in addition to "unvoiced", and Viterbi
decoding picks among them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ssmphony.arrays import Doubles
from ssmphony.types import MelFormat, Samples

_WINDOW_S = 1 / 30  # two periods of the lowest pitch
_CORNER_HZ = 700.0
_CANDIDATES = 6
_FRAMES_AT_ONCE = 512
_UNVOICED_COST = 0.38  # a minimum of d' above this is no pitch
_LONG_LAG_COST = 0.04  # for each octave down: d' of a clean tone is as low at twice the period
_SILENCE_DB = 50.0  # frames this far below the loudest are unvoiced
_JUMP_COST = 1.2  # for each octave between neighbouring frames
_JUMP_LIMIT = 0.9
_SWITCH_COST = 0.12  # voiced to unvoiced or back


def track_pitch(
    samples: Samples, mel_format: MelFormat = MelFormat(), f_min: float = 60.0, f_max: float = 600.0
) -> npt.NDArray[np.float32]:
    """samples (n,) → (1 + n // hop_length,) float32: Hz, 0 where unvoiced; frame t is centred on t · hop_length."""
    rate, hop = mel_format.sample_rate, mel_format.hop_length
    n_frames = 1 + len(samples) // hop
    shortest, longest = int(rate / f_max), int(np.ceil(rate / f_min)) + 1
    window = round(_WINDOW_S * rate)
    # A pair of windows τ apart is centred for speech of about 180 Hz; the lag shifts it by a few ms at most.
    before = (window + rate // 180) // 2
    padded = np.pad(_low_passed(samples, rate), (before, window + longest + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window + longest)[::hop][:n_frames]
    blocks = [
        _candidates(frames[first : first + _FRAMES_AT_ONCE], window, shortest)
        for first in range(0, n_frames, _FRAMES_AT_ONCE)
    ]
    lags, costs, energy = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    costs = costs + _LONG_LAG_COST * np.log2(lags / shortest)
    costs[energy < energy.max() * 10 ** (-_SILENCE_DB / 10)] = np.inf
    path = _smoothest_path(np.log2(lags), costs)
    voiced = path < _CANDIDATES
    hertz = rate / lags[np.arange(n_frames), np.where(voiced, path, 0)]
    return np.where(voiced, hertz, 0.0).astype(np.float32)


def at_times(hertz: npt.NDArray[np.float32], rate: float, times: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """A pitch track of ``rate`` values per second at other times: (time,) in s → (time,) in Hz.

    Between two voiced values it is linear in octaves; next to an unvoiced one it is the nearest value. Outside the
    track it is unvoiced.
    """
    place = np.round(times * rate, 6)
    lower = np.floor(place).astype(np.int64)
    known = np.pad(np.asarray(hertz, np.float64), (1, 2))
    first, second = (known[np.clip(lower + shift, -1, len(hertz)) + 1] for shift in (0, 1))
    share = place - lower
    both = (first > 0) & (second > 0)
    nearest = np.where(share < 0.5, first, second)
    octaves = [np.log2(np.where(both, value, 1.0)) for value in (first, second)]
    between = 2.0 ** (octaves[0] * (1 - share) + octaves[1] * share)
    exact = both & (share > 0)
    return np.where(exact, between, nearest).astype(np.float32)


def _low_passed(samples: Samples, rate: int) -> Doubles:
    """samples (n,) with 12 dB an octave less above 700 Hz: moving formants hide the period, low harmonics keep it."""
    n_fft = len(samples) + rate // 50
    frequencies = np.fft.rfftfreq(n_fft, 1 / rate)
    spectrum = np.fft.rfft(samples.astype(np.float64), n_fft) / (1 + (frequencies / _CORNER_HZ) ** 2)
    return np.fft.irfft(spectrum, n_fft)[: len(samples)]


def _candidates(frames: Doubles, window: int, shortest: int) -> tuple[Doubles, Doubles, Doubles]:
    """The deepest minima of d′ in frames (t, window + longest lag): lags and depths (t, candidates), energy (t,)."""
    difference, energy = _difference(frames, window)
    lag = np.arange(1, difference.shape[1])
    running = np.cumsum(difference[:, 1:], axis=1)
    normal = np.ones_like(difference)
    np.divide(difference[:, 1:] * lag, running, out=normal[:, 1:], where=running > 1e-9)
    middle = normal[:, shortest:-1]
    left, right = normal[:, shortest - 1 : -2], normal[:, shortest + 1 :]
    favour = _LONG_LAG_COST * np.log2(np.arange(middle.shape[1]) / shortest + 1)  # else multiples crowd the period out
    depth = np.where((middle < left) & (middle <= right), middle + favour, np.inf)
    chosen = np.argpartition(depth, _CANDIDATES, axis=1)[:, :_CANDIDATES]
    left, middle, right = (np.take_along_axis(part, chosen, axis=1) for part in (left, middle, right))
    found = np.isfinite(np.take_along_axis(depth, chosen, axis=1))
    bend = left - 2 * middle + right
    shift = np.divide(left - right, 2 * bend, out=np.zeros_like(bend), where=found & (bend > 1e-12))
    lowest = np.maximum(middle - (left - right) * shift / 4, 0.0)
    return (shortest + chosen + shift).astype(np.float64), np.where(found, lowest, np.inf), energy


def _difference(frames: Doubles, window: int) -> tuple[Doubles, Doubles]:
    """d(τ) for τ = 0 … longest lag, through the Fourier transform, and the energy of the frames."""
    length = frames.shape[1]
    n_lags = length - window + 1
    n_fft = 1 << (length - 1).bit_length() if length > 1280 else 1280
    spectrum = np.fft.rfft(frames, n_fft) * np.conj(np.fft.rfft(frames[:, :window], n_fft))
    correlation = np.fft.irfft(spectrum, n_fft)[:, :n_lags]
    square = np.concatenate((np.zeros((len(frames), 1)), np.cumsum(frames**2, axis=1)), axis=1)
    energies = square[:, window:] - square[:, :n_lags]
    return np.maximum(energies[:, :1] + energies - 2 * correlation, 0.0), energies[:, 0]


def _smoothest_path(octaves: Doubles, costs: Doubles) -> npt.NDArray[np.int64]:
    """Viterbi: the cheapest candidate of every frame, (t,); the number of candidates stands for unvoiced."""
    n_frames, n_candidates = costs.shape
    states = np.concatenate((np.minimum(costs, 1e6), np.full((n_frames, 1), _UNVOICED_COST)), axis=1)
    jumps = np.minimum(_JUMP_COST * np.abs(octaves[1:, :, None] - octaves[:-1, None, :]), _JUMP_LIMIT)
    steps = np.full((n_frames - 1, n_candidates + 1, n_candidates + 1), _SWITCH_COST)
    steps[:, :-1, :-1] = jumps
    steps[:, -1, -1] = 0.0
    origin = np.zeros((n_frames, n_candidates + 1), np.int64)
    total = states[0]
    for frame, step in enumerate(steps, start=1):
        reached = step + total
        origin[frame] = reached.argmin(axis=1)
        total = reached.min(axis=1) + states[frame]
    path = np.zeros(n_frames, np.int64)
    path[-1] = total.argmin()
    for frame in range(n_frames - 1, 0, -1):
        path[frame - 1] = origin[frame, path[frame]]
    return path
