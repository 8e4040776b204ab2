"""What a source-filter codec filters: the spectra of a train of pulses at the pitch, and of noise.

Both are functions of the absolute time, so that a stream in pieces equals one shot, and neither needs an FFT: the
STFT of the pulses is two products with constant matrices, and the noise is a constant table.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ssmphony.types import SsmphonyError

VOICED_HZ = 40.0
"""Below this pitch there are no pulses."""
NOISE_LENGTH, NOISE_STRIDE = 12_289, 7_577
"""Values of the noise table, a prime, and how far apart in it two neighbouring frames begin. A frame meets its own
noise again after this many frames, two and a half minutes at 80 a second; until then only at other frequencies."""


class PulseState(NamedTuple):
    """turns: (batch,) float64, the fundamental's phase, without whole turns; samples: (batch, n_fft / hop - 1, hop)."""

    turns: Tensor
    samples: Tensor


class PulseSpectrum(nn.Module):
    """The STFT of ``sum over h of cos(h φ)``, all partials of the pitch below ``highest_hz``, of amplitude 1.

    The pitch is interpolated between the centres of hops. Frame t is centred on sample ``t * hop``.
    """

    positions: Tensor
    signs: Tensor
    basis: Tensor
    """(2, n_fft / 2, n_fft / 4 + 1): see `_windowed_dft`. Graphs hold it, since computing it while a graph is loaded
    takes 30 MB."""

    def __init__(self, sample_rate: int, n_fft: int, hop_length: int, highest_hz: float) -> None:
        super().__init__()
        if n_fft % 4:
            raise SsmphonyError(f"n_fft {n_fft} must be a multiple of 4")
        self.sample_rate, self.n_fft, self.hop, self.highest_hz = sample_rate, n_fft, hop_length, highest_hz
        self.halves = n_fft // hop_length // 2
        self.register_buffer("positions", (torch.arange(hop_length) + 0.5) / hop_length - 0.5, persistent=False)
        basis = _windowed_dft(n_fft).half().float()  # as it is stored in graphs
        self.register_buffer("basis", basis, persistent=False)
        odd = 1.0 - 2.0 * (torch.arange(n_fft // 2) % 2)
        self.register_buffer("signs", torch.stack([odd, -odd])[..., None], persistent=False)

    def initial_state(self, batch: int) -> PulseState:
        samples = self.basis.new_zeros(batch, 2 * self.halves - 1, self.hop)
        return PulseState(samples.new_zeros(batch, dtype=torch.float64), samples)

    def forward(self, pitch: Tensor, mask: Tensor, state: PulseState) -> tuple[Tensor, Tensor, PulseState]:
        """Spectra of ``time`` frames.

        Args:
            pitch: (batch, time + 2) in Hz. Entry i is that of frame i of the result; the last two are ahead of it.
            mask: (batch, time + 2) bool, which of these frames exist.
            state: Of this stream.

        Returns:
            Real and imaginary parts (batch, time, n_fft / 2 + 1), in which a partial peaks at 1, and the state.
        """
        new, state_turns = self._pulses(pitch, mask, state.turns)
        hops = torch.cat([state.samples, new], dim=1)
        time, half = new.shape[1], self.halves
        past = torch.cat([hops[:, k : k + time] for k in range(half)], dim=-1).flip(-1)
        future = torch.cat([hops[:, half + k : half + k + time] for k in range(half)], dim=-1)
        mirrored = torch.cat([torch.zeros_like(past[..., :1]), past[..., :-1]], dim=-1)  # sample -m in place of m
        real, imaginary = self._whole_basis()
        kept = hops[:, time:]
        return (future + mirrored) @ real, (future - mirrored) @ imaginary, PulseState(state_turns, kept)

    def _whole_basis(self) -> Tensor:
        """(2, n_fft / 2, n_fft / 2 + 1): bin n_fft / 2 - k is bin k, with the sign of every other sample turned."""
        upper = self.basis[:, :, :-1].flip(-1) * self.signs
        return torch.cat([self.basis, upper], dim=-1)

    def _pulses(self, pitch: Tensor, mask: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """The hop after the centre of each frame: (batch, time, hop), and the turns at the end of the last."""
        before, here, after = (pitch[:, k : pitch.shape[1] - 2 + k, None] for k in range(3))
        exists_before, exists, exists_after = (mask[:, k : mask.shape[1] - 2 + k, None] for k in range(3))
        before = torch.where(exists_before, before, here)
        after = torch.where(exists_after, after, here)
        early, late = (-self.positions).clamp(min=0), self.positions.clamp(min=0)
        hertz = here + (before - here) * early + (after - here) * late
        voiced, hertz = (hertz > VOICED_HZ) & exists, hertz.clamp(min=VOICED_HZ)
        # in float64: the phase is a sum over all samples, and a partial multiplies its error by the partial's number
        steps = hertz.double() * (1.0 / self.sample_rate) * exists
        phase = turns[:, None] + torch.cumsum(steps.flatten(1), dim=1)
        phase = (phase - phase.floor()).unflatten(1, (-1, self.hop))
        angle = (phase * (2.0 * math.pi)).float()
        # sum of cos(h a) for h = 1 … n is sin((n + 1/2) a) / (2 sin(a / 2)) - 1/2
        count = torch.floor(self.highest_hz / hertz) + 0.5
        half = 2.0 * torch.sin(angle / 2.0)
        peak = half.abs() <= 2e-3
        pulses = torch.where(peak, count, torch.sin(count * angle) / torch.where(peak, 1.0, half)) - 0.5
        return pulses * voiced, phase[:, -1, -1]


def _windowed_dft(n_fft: int) -> Tensor:
    """(2, n_fft / 2, n_fft / 4 + 1): windowed DFT of the samples at ±m around a frame's centre, for their sum and for
    their difference, the lower half of the bins."""
    m, k = torch.arange(n_fft // 2, dtype=torch.float64), torch.arange(n_fft // 4 + 1)
    angle = 2.0 * math.pi / n_fft * (m.long()[:, None] * k % n_fft)
    window = (0.5 + 0.5 * (2.0 * math.pi / n_fft * m).cos()) * (4.0 / n_fft)
    weight = window[:, None] * (1 - 2 * (k % 2))  # an STFT counts from the start of its window
    return (torch.stack([angle.cos(), -angle.sin()]) * weight).float()


class NoiseSpectrum(nn.Module):
    """Complex noise, real and imaginary parts of variance 1, a function of the number of the frame."""

    table: Tensor

    def __init__(self, bins: int) -> None:
        super().__init__()
        self.bins = bins
        generator = torch.Generator().manual_seed(0)
        table = torch.randn(2, NOISE_LENGTH, generator=generator).half().float()  # as it is stored in graphs
        self.register_buffer("table", torch.cat([table, table[:, : bins - 1]], dim=1), persistent=False)

    def initial_state(self, batch: int) -> Tensor:
        """(batch,) int64: frames so far, without whole periods of the noise."""
        return torch.zeros(batch, dtype=torch.long, device=self.table.device)

    def forward(self, mask: Tensor, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """mask (batch, time) bool of the frames that exist → real, imaginary parts (batch, time, bins), the state."""
        number = (state[:, None] + mask.long().cumsum(dim=1)) % NOISE_LENGTH
        first = number * NOISE_STRIDE % NOISE_LENGTH
        place = first[..., None] + torch.arange(self.bins, device=mask.device)
        real, imaginary = (part.index_select(0, place.flatten()).view(place.shape) for part in self.table)
        return real, imaginary, number[:, -1]
