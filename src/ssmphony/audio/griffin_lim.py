"""Log-mel frames → samples without training: the real-time variant of the algorithm of Griffin and Lim. NumPy only.

A magnitude has to be found first. ``mel = filters.T @ magnitude`` leaves most of it open; the positive solution grows
from a flat one by multiplicative updates that bring ``mel`` nearer at each step (Lee and Seung, *Algorithms for
non-negative matrix factorization*, 2001, Theorem 2, with the filters held fixed):

    magnitude ← magnitude * (filters @ (mel / (filters.T @ magnitude))) / filters.sum(axis=1)

Then phases are found as in Zhu, Beauregard and Wyse, *Real-time signal estimation from modified short-time Fourier
transform magnitude spectra* (IEEE TASLP 2007): the last frames stay open, and whenever a new one arrives they are
overlapped, analysed again and given their magnitudes back a few times; then the oldest is final. A new frame begins
with the phases of what already overlaps it. Every frame is computed alone, whatever the block: cutting cannot change
the sound.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.audio.mel import hann, log_mel, mel_filterbank
from ssmphony.interfaces import Array, Decoder, Encoder
from ssmphony.types import MelFormat, Samples, SsmphonyError

OPEN_FRAMES = 3
"""Frames that stay open after the one that becomes final; a window of four hops reaches no further."""
ITERATIONS = 8
MEL_UPDATES = 10
_SMALL = np.float32(1e-10)


class GriffinLimState(NamedTuple):
    """Frames that samples to come overlap, batch first; the last ``OPEN_FRAMES`` of them are still open."""

    segments: Array
    """(batch, n_fft / hop - 1 + OPEN_FRAMES, n_fft): windowed."""
    present: Array
    """(batch, n_fft / hop - 1 + OPEN_FRAMES) bool."""
    magnitudes: Array
    """(batch, OPEN_FRAMES, n_fft / 2 + 1)."""


class GriffinLim(Decoder, Encoder):
    """The fallback codec: it sounds rough, but it needs neither weights nor a graph."""

    def __init__(self, mel_format: MelFormat) -> None:
        n_fft, hop = mel_format.n_fft, mel_format.hop_length
        if n_fft % (2 * hop):
            raise SsmphonyError(f"n_fft {n_fft} must be a multiple of twice hop_length {hop}")
        self.format = mel_format
        self.grid = mel_format.grid
        self.overlap = n_fft // hop
        self.lookahead = OPEN_FRAMES + self.overlap // 2
        self.window = hann(n_fft).astype(np.float32)
        self.filters = mel_filterbank(mel_format)
        cover = self.filters.sum(axis=1)
        self.spread = np.where(cover > 0, self.filters.T / np.maximum(cover, _SMALL), 0).astype(np.float32)
        # the phases of a pulse in the middle of the window, for frames that nothing overlaps
        self.centred = np.where(np.arange(n_fft // 2 + 1) % 2, -_SMALL, _SMALL)

    def initial_state(self, batch: int) -> GriffinLimState:
        n_fft, kept = self.format.n_fft, self.overlap - 1 + OPEN_FRAMES
        return GriffinLimState(
            np.zeros((batch, kept, n_fft), np.float32),
            np.zeros((batch, kept), np.bool_),
            np.zeros((batch, OPEN_FRAMES, n_fft // 2 + 1), np.float32),
        )

    def decode(
        self, frames: Samples, mask: npt.NDArray[np.bool_], state: GriffinLimState
    ) -> tuple[Samples, GriffinLimState]:
        """frames (batch, time, n_mels) log-mel, mask (batch, time), time ≥ 1 → samples (batch, time * hop_length)."""
        if frames.shape[1] == 0:
            raise ValueError("a codec needs at least one step of frames, got none")
        magnitudes = self.magnitudes(np.where(mask[..., None], frames, 0.0)) * mask[..., None]
        hops: list[Samples] = []
        for step in range(frames.shape[1]):
            samples, state = self._step(magnitudes[:, step : step + 1], mask[:, step : step + 1], state)
            hops.append(samples)
        return np.concatenate(hops, axis=1), state

    def encode(self, samples: Samples) -> Samples:
        """samples (batch, n) → log-mel (batch, 1 + n // hop_length, n_mels); see `ssmphony.audio.mel`."""
        return np.stack([log_mel(row, self.format) for row in samples])

    def magnitudes(self, frames: Samples) -> Samples:
        """Linear magnitudes (batch, time, n_fft / 2 + 1) whose log-mel is about ``frames`` (batch, time, n_mels)."""
        # one matrix product a frame, so that its rounding does not depend on how many frames there are
        mel = np.exp(frames, dtype=np.float32)[:, :, None]
        magnitude = (mel / np.maximum(self.filters.sum(axis=0), _SMALL)) @ self.spread
        for _ in range(MEL_UPDATES):
            magnitude = magnitude * ((mel / np.maximum(magnitude @ self.filters, _SMALL)) @ self.spread)
        return magnitude[:, :, 0]

    def _step(
        self, magnitude: Samples, mask: npt.NDArray[np.bool_], state: GriffinLimState
    ) -> tuple[Samples, GriffinLimState]:
        """magnitude (batch, 1, bin), mask (batch, 1) → the next hop (batch, hop_length) of samples."""
        present = np.concatenate([state.present, mask], axis=1)
        magnitudes = np.concatenate([state.magnitudes, magnitude], axis=1)
        first = self.overlap - 1  # of the open frames
        # a new frame begins as what already overlaps it; fainter towards its end, where little is known
        newest = self._cut(self._add(np.pad(state.segments, ((0, 0), (0, 1), (0, 0)))))[:, -1:]
        segments = np.concatenate([state.segments, self._impose(magnitude, newest, mask)], axis=1)
        energy = np.broadcast_to(np.square(self.window), segments.shape) * present[..., None]
        # where the newest window ends nothing else is known: dividing by almost nothing would trust it too much
        envelope = np.maximum(self._add(energy), np.float32(0.1))
        for _ in range(ITERATIONS):
            sound = self._add(segments)
            sound /= envelope
            improved = self._impose(magnitudes, self._cut(sound)[:, first:], present[:, first:])
            segments = np.concatenate([segments[:, :first], improved], axis=1)
        samples = self._final(segments, energy)
        return samples, GriffinLimState(segments[:, 1:], present[:, 1:], magnitudes[:, 1:])

    def _add(self, segments: Samples) -> Samples:
        """segments (batch, count, n_fft) → their sum, one hop apart, (batch, (count - 1) * hop + n_fft)."""
        batch, count, n_fft = segments.shape
        hop = self.format.hop_length
        total = np.zeros((batch, (count - 1) * hop + n_fft), np.float32)
        for index in range(count):
            total[:, index * hop : index * hop + n_fft] += segments[:, index]
        return total

    def _cut(self, samples: Samples) -> Samples:
        """The inverse of `_add` in shape: samples (batch, n) → (batch, count, n_fft)."""
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.format.n_fft, axis=1)
        return windows[:, :: self.format.hop_length]

    def _impose(self, magnitudes: Samples, frames: Samples, mask: npt.NDArray[np.bool_]) -> Samples:
        """Segments (batch, count, n_fft) with the phases of ``frames`` and the given magnitudes; absent ones are zero.

        Only sums, products and square roots here: they round alike wherever a number stands in its array.
        """
        spectrum = np.fft.rfft(frames * self.window, axis=-1).astype(np.complex64, copy=False) + self.centred
        size = np.sqrt(np.square(spectrum.real) + np.square(spectrum.imag))
        spectrum = spectrum * (magnitudes / np.maximum(size, _SMALL))
        made = np.fft.irfft(spectrum, n=self.format.n_fft, axis=-1).astype(np.float32, copy=False)
        return made * self.window * mask[..., None]

    def _final(self, segments: Samples, energy: Samples) -> Samples:
        """The oldest hop that no open frame reaches, as in `ssmphony.audio.stft`."""
        hop = self.format.hop_length
        samples = np.zeros((len(segments), hop), np.float32)
        envelope = np.zeros_like(samples)
        for part in range(self.overlap):
            inside = slice(part * hop, (part + 1) * hop)
            samples += segments[:, self.overlap - 1 - part, inside]
            envelope += energy[:, self.overlap - 1 - part, inside]
        samples /= np.maximum(envelope, np.float32(1e-8))
        return samples
