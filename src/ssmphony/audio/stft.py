"""Inverse short-time Fourier transform by overlap-add, with its memory passed in and out. NumPy only.

    samples = sum_t shift(window * irfft(spectrum_t)) / sum_t shift(window^2)

over the frames that exist. Step ``i`` returns the hop of frame ``i - lookahead``, where ``lookahead`` is
``n_fft / (2 * hop)``: half a window must follow before a sample is complete.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.audio.mel import hann
from ssmphony.types import Samples


class OverlapState(NamedTuple):
    """segments: (batch, n_fft / hop - 1, n_fft) windowed, still to be overlapped; present: (batch, n_fft / hop - 1)."""

    segments: Samples
    present: npt.NDArray[np.bool_]


class InverseStft:
    """Frames of spectra → samples; the twin of `ssmphony.codecs.overlap_add`."""

    def __init__(self, n_fft: int, hop_length: int) -> None:
        self.n_fft, self.hop = n_fft, hop_length
        self.overlap = self.n_fft // self.hop
        self.window = hann(self.n_fft).astype(np.float32)

    def initial_state(self, batch: int) -> OverlapState:
        kept = self.overlap - 1
        return OverlapState(np.zeros((batch, kept, self.n_fft), np.float32), np.zeros((batch, kept), np.bool_))

    def polar(
        self, log_magnitude: Samples, phase: Samples, mask: npt.NDArray[np.bool_], state: OverlapState
    ) -> tuple[Samples, OverlapState]:
        """log_magnitude, phase (batch, time, n_fft / 2 + 1), mask (batch, time) → samples (batch, time * hop)."""
        magnitude = np.minimum(np.exp(log_magnitude), np.float32(1e2)) * mask[..., None]
        spectra = np.empty(phase.shape, np.complex64)
        np.multiply(magnitude, np.cos(phase), out=spectra.real)
        np.multiply(magnitude, np.sin(phase), out=spectra.imag)
        return self._overlap_add(spectra, mask, state)

    def cartesian(
        self, real: Samples, imaginary: Samples, mask: npt.NDArray[np.bool_], state: OverlapState
    ) -> tuple[Samples, OverlapState]:
        """As `polar`, from real and imaginary parts."""
        spectra = np.empty(real.shape, np.complex64)
        np.multiply(real, mask[..., None], out=spectra.real)
        np.multiply(imaginary, mask[..., None], out=spectra.imag)
        return self._overlap_add(spectra, mask, state)

    def _overlap_add(
        self, spectra: npt.NDArray[np.complex64], mask: npt.NDArray[np.bool_], state: OverlapState
    ) -> tuple[Samples, OverlapState]:
        """spectra (batch, time, n_fft / 2 + 1), zero where absent."""
        batch, time, _ = spectra.shape
        new = np.fft.irfft(spectra, n=self.n_fft, axis=-1).astype(np.float32, copy=False) * self.window
        segments = np.concatenate([state.segments, new], axis=1)
        present = np.concatenate([state.present, mask], axis=1)
        energy = np.square(self.window)
        samples = np.zeros((batch, time, self.hop), np.float32)
        envelope = np.zeros((batch, time, self.hop), np.float32)
        for part in range(self.overlap):
            frames = slice(self.overlap - 1 - part, self.overlap - 1 - part + time)
            inside = slice(part * self.hop, (part + 1) * self.hop)
            samples += segments[:, frames, inside]
            envelope += present[:, frames, None] * energy[inside]
        samples /= np.maximum(envelope, np.float32(1e-8))
        return samples.reshape(batch, -1), OverlapState(segments[:, time:], present[:, time:])
