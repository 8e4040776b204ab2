"""An inaudible mark that says: synthetic. It is put into samples as they are made, and found again in a sound.

Time is divided into cells of 20 ms, and the spectrum from 200 Hz to 5 kHz into bands of 150 Hz. A key makes a pattern
of signs, one for each cell and band, which begins again after 3.84 seconds. Where the sign is +, the band is a little
louder in the second half of the cell than in the first; where it is -, a little softer. The change is a factor, so it
follows the level of what is said in its place, where the ear notices a change least.

`detect` measures how the level of each band changes between the halves of each cell, takes away what all bands share,
trusts loud bands more than those near the noise, and adds it up with the signs of the pattern, at every place where the
pattern may begin. Given the sound, the pattern of a key that is not in it is a table of independent random signs: the
sum divided by the root of the sum of squares then exceeds z with a probability of at most exp(-z²/2) (Hoeffding),
whatever is said. This times the number of places is the bound that `Detection` holds.

Cox et al., "Secure spread spectrum watermarking for multimedia", IEEE Trans. Image Processing 6 (1997); Kirovski and
Malvar, "Spread-spectrum watermarking of audio signals", IEEE Trans. Signal Processing 51 (2003).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.types import AudioChunk, Samples, SsmphonyError

KEY = "ssmphony"
"""The key of all who choose none: everybody finds the mark, and who wants to can imitate it."""
STRENGTH_DB = 0.8
LIMIT = 1e-4
"""A sound is marked if another key were found in it with at most this probability."""
LEAST_S = 3.0
"""Shorter sounds may not hold enough of the mark."""
_HALF_S = 0.01
_FRAME_S = 0.02
_LOWEST_HZ, _BAND_HZ, _BANDS = 200, 150, 32
_PERIOD = 192
"""Cells until the pattern begins again."""
_STEP_S = 0.005
_STEPS = round(2 * _HALF_S / _STEP_S)
"""Places inside a cell where it may begin."""
_LATE_S = 0.0125
"""A change is in the middle of its frame, but the level of a place is that of the frame that begins there."""
_WINDOW_CELLS = 4 * _PERIOD
"""A long sound is searched as a whole and in windows of 15.4 seconds: it may be put together of several."""
_FLOOR = 1e-5
"""Of the mean level: what is softer than this says nothing."""
_NOISE = 5.0
"""A band that is as many times louder than in the softest tenth of the sound counts half."""
_LARGEST_DB = 4.0
"""What a change counts at most: larger ones are speech that begins or ends."""

Pattern = npt.NDArray[np.float32]


def pattern(key: str) -> Pattern:
    """The signs of a key: (cells, bands), each -1 or 1."""
    bits = np.frombuffer(hashlib.shake_256(key.encode()).digest(_PERIOD * _BANDS // 8), np.uint8)
    return (2.0 * np.unpackbits(bits).reshape(_PERIOD, _BANDS) - 1.0).astype(np.float32)


class Watermark:
    """Marks one sound of ``sample_rate`` Hz, piece by piece: the pieces add up to the sound that is marked as a whole.

    Frames of 20 ms with windows whose squares add up to one are put together again after each of their bands has been
    made louder or softer. 10 to 20 ms are held back until the next piece. Raises `SsmphonyError` for rates below
    8,000 Hz.
    """

    def __init__(self, sample_rate: int, key: str = KEY, strength_db: float = STRENGTH_DB) -> None:
        _check(sample_rate)
        self._hop = round(sample_rate * _FRAME_S / 2)
        self._hop_s = self._hop / sample_rate
        size = 2 * self._hop
        self._window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
        bands = _band_of_bins(size, sample_rate)
        self._in_band = bands >= 0
        factor = 10.0 ** (strength_db / 20.0)
        steps = pattern(key)[:, bands[self._in_band]]
        self._factors = (factor**-steps, factor**steps)  # of the first half of a cell, and the second
        self._waiting = np.zeros(self._hop, np.float32)  # a frame reaches into the silence before the sound
        self._tail = np.zeros(self._hop, np.float32)
        self._frames = 0
        self._received = self._sent = 0

    def process(self, samples: Samples) -> Samples:
        """samples (n,) → what is complete of the marked sound (m,)."""
        self._received += len(samples)
        waiting = np.concatenate((self._waiting, np.asarray(samples, np.float32)))
        count = len(waiting) // self._hop - 1
        if count <= 0:
            self._waiting = waiting
            return np.zeros(0, np.float32)
        self._waiting = waiting[count * self._hop :]
        hops = waiting[: (count + 1) * self._hop].reshape(count + 1, self._hop)
        made = self._marked(np.concatenate((hops[:-1], hops[1:]), axis=1))
        first = made[:, : self._hop]
        second = np.concatenate((self._tail[None], made[:-1, self._hop :]))
        self._tail = made[-1, self._hop :]
        whole = (first + second).reshape(-1)
        if self._frames == count:  # the first of all: what lies before the sound
            whole = whole[self._hop :]
        self._sent += len(whole)
        return whole

    def finish(self) -> Samples:
        """The rest of the marked sound, which is as long as the sound itself."""
        sent = self._sent
        missing = self._received - sent
        rest = self.process(np.zeros(2 * self._hop, np.float32)) if missing else np.zeros(0, np.float32)
        return rest[:missing]

    def mark(self, chunk: AudioChunk) -> AudioChunk:
        """A chunk of the sound with what is complete of the marked one; its spans stay."""
        start_s = self._sent / chunk.sample_rate
        return replace(chunk, samples=self.process(chunk.samples), start_s=start_s)

    def rest(self, sample_rate: int) -> AudioChunk:
        """A chunk with the rest of the marked sound."""
        start_s = self._sent / sample_rate
        return AudioChunk(self.finish(), sample_rate, start_s)

    def _marked(self, frames: Samples) -> Samples:
        """frames (count, size) → their marked sounds, windowed again."""
        times = (self._frames + np.arange(len(frames))) * self._hop_s  # of their middles
        self._frames += len(frames)
        halves = np.floor(times / _HALF_S + 1e-6).astype(np.int64)
        spectra = np.fft.rfft(frames * self._window, axis=1)
        cells = halves // 2 % _PERIOD
        gains = np.where((halves % 2 == 0)[:, None], self._factors[0][cells], self._factors[1][cells])
        spectra[:, self._in_band] *= gains
        return np.fft.irfft(spectra, n=frames.shape[1], axis=1).astype(np.float32) * self._window


def marked(chunks: Iterable[AudioChunk], sample_rate: int) -> Iterator[AudioChunk]:
    """The chunks of one sound, marked."""
    watermark = Watermark(sample_rate)
    for chunk in chunks:
        yield watermark.mark(chunk)
    if len((rest := watermark.rest(sample_rate)).samples):
        yield rest


def marked_samples(pieces: Iterable[Samples], sample_rate: int) -> Iterator[Samples]:
    """The pieces (n,) of one sound, marked; none of them is empty."""
    watermark = Watermark(sample_rate)
    for piece in pieces:
        if len(done := watermark.process(piece)):
            yield done
    if len(rest := watermark.finish()):
        yield rest


class Detection(NamedTuple):
    """``score``: the normalised sum at the place where it is largest. ``bound``: of the probability that a sound
    without the mark has such a sum at one of the places that were searched. ``start_s``: where in the pattern the
    sound begins, in seconds.
    """

    score: float
    bound: float
    start_s: float

    @property
    def marked(self) -> bool:
        return self.bound <= LIMIT


def detect(samples: Samples, sample_rate: int, key: str = KEY) -> Detection:
    """Look for the mark of a key in samples (n,). Raises `SsmphonyError` below 8,000 Hz."""
    return find(changes(samples, sample_rate), key)


def changes(samples: Samples, sample_rate: int) -> list[Samples]:
    """What `find` searches, from samples (n,): for each place inside a cell where the first cell may begin, how many dB
    the bands change between the halves of the cells (cells, bands). Raises `SsmphonyError` below 8,000 Hz.
    """
    _check(sample_rate)
    levels = _levels(samples, sample_rate)
    if len(levels) < 2 * _STEPS:
        return []
    noise = np.percentile(levels, 10, axis=0).astype(np.float32)
    return [_changes(levels[step:], noise) for step in range(_STEPS)]


def find(changed: list[Samples], key: str = KEY) -> Detection:
    """Look for the mark of a key in what `changes` returned."""
    best = Detection(0.0, 1.0, 0.0)
    signs = pattern(key)
    cells = len(changed[0]) if changed else 0
    windows = [(0, cells)]
    if cells > _WINDOW_CELLS:
        windows += [(first, first + _WINDOW_CELLS) for first in range(0, cells - _PERIOD, _WINDOW_CELLS)]
    places = _STEPS * _PERIOD * len(windows)
    for first, stop in windows:
        for step, change in enumerate(changed):
            scores = _scores(change[first:stop], signs)
            shift = int(np.argmax(scores))
            score = float(scores[shift])
            if score > best.score:
                start_s = (shift - first) * 2 * _HALF_S - step * _STEP_S - _LATE_S
                bound = min(1.0, places * math.exp(-(score**2) / 2))
                best = Detection(score, bound, round(start_s % (_PERIOD * 2 * _HALF_S), 3))
    return best


def _check(sample_rate: int) -> None:
    if sample_rate < 8000:
        raise SsmphonyError(f"a sample rate of {sample_rate} Hz has no room for the mark: it needs 8000 Hz")


def _scores(change: Samples, signs: Pattern) -> Samples:
    """change (cells, bands) → the normalised sum for each cell (_PERIOD,) of the pattern that the first may be."""
    folded = np.zeros_like(signs)
    for first in range(0, len(change), _PERIOD):
        part = change[first : first + _PERIOD]
        folded[: len(part)] += part
    spread = math.sqrt(float(np.square(folded).sum()))
    if not spread:
        return np.zeros(_PERIOD, np.float32)
    spectra = np.fft.rfft(signs, axis=0) * np.conj(np.fft.rfft(folded, axis=0))
    return np.fft.irfft(spectra.sum(axis=1), n=_PERIOD).astype(np.float32) / spread


def _changes(levels: Samples, noise: Samples) -> Samples:
    """levels (steps, bands), noise (bands,) → how many dB each band rises between the halves of each cell, relative to
    all bands, times its trust: (cells, bands).
    """
    cells = len(levels) // _STEPS
    halves = levels[: cells * _STEPS].reshape(2 * cells, _STEPS // 2, -1).mean(axis=1)
    decibels = 10.0 * np.log10(halves + _FLOOR * max(float(levels.mean()), 1e-20))
    rises = decibels[1::2] - decibels[::2]
    rises -= np.median(rises, axis=1, keepdims=True)
    softer = np.minimum(halves[1::2], halves[::2])
    trust = softer / (softer + _NOISE * noise + 1e-20)
    return (_LARGEST_DB * np.tanh(rises / _LARGEST_DB) * trust).astype(np.float32)


def _levels(samples: Samples, sample_rate: int) -> Samples:
    """Energies (steps, bands) of frames of 20 ms, one each 5 ms."""
    size = round(sample_rate * _FRAME_S)
    starts = np.round(np.arange(0, max(0, len(samples) - size), _STEP_S * sample_rate)).astype(np.int64)
    bands = _band_of_bins(size, sample_rate)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)).astype(np.float32)
    energies = np.zeros((len(starts), _BANDS), np.float32)
    for first in range(0, len(starts), 1024):
        frames = samples[starts[first : first + 1024, None] + np.arange(size)]
        power = np.square(np.abs(np.fft.rfft(frames * window, axis=1)))
        for band in range(_BANDS):
            if (bands == band).any():
                energies[first : first + 1024, band] = power[:, bands == band].sum(axis=1)
    return energies


def _band_of_bins(size: int, sample_rate: int) -> npt.NDArray[np.int64]:
    """The band of each bin of a spectrum; -1 for those outside of all."""
    frequencies = np.arange(size // 2 + 1) * sample_rate / size
    bands = np.floor((frequencies - _LOWEST_HZ) / _BAND_HZ).astype(np.int64)
    return np.where((bands >= 0) & (bands < _BANDS), bands, -1)
