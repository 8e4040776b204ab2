"""Harmonics for an inverse-STFT vocoder: the phase of a bin is that of the partial next to it.

A frame-wise network has to find phases that fit those of the frames before. Here they follow from the pitch, as in
source-filter vocoders (Wang et al., *Neural source-filter waveform models*, arXiv 1904.12088; Li et al., *HiFTNet*,
arXiv 2309.09493), but without a source signal. Under a symmetric window a partial has one phase across its whole main
lobe, so with the pitch ``f0[t]`` in Hz, in frame t and bin k at frequency ``f[k]``:

    turns[t] = turns[t - 1] + f0[t] hop / rate                       the fundamental's phase, in turns
    phase[t, k] = 2 π turns[t] round(f[k] / f0[t]) + π k + network's phase + noise[t, k] · network's share of noise
    log magnitude[t, k] = network's + network's depth · cos(2 π f[k] / f0[t])

The network adds what depends on the sound alone, and that varies slowly.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ssmphony.types import MelFormat

LOWEST_HZ, HIGHEST_HZ = 50.0, 800.0
BANDS = 32
NOISE_FRAMES = 97
"""Frames, about a second, after which the noise repeats."""


class HarmonicSpectrum(NamedTuple):
    """log_magnitude, phase: (batch, time, bin); pitch: (batch, time) in Hz, also where nothing has one."""

    log_magnitude: Tensor
    phase: Tensor
    pitch: Tensor


class HarmonicHead(nn.Module):
    """Adds partials to an inverse-STFT head's output. Its state (batch, 2) float64 is the fundamental's turns and the
    frames so far, each modulo its period, so that the sums of an hour stay exact."""

    frequencies: Tensor
    interpolation: Tensor
    noise: Tensor

    def __init__(self, dim: int, mel_format: MelFormat) -> None:
        super().__init__()
        bins = mel_format.n_fft // 2 + 1
        self.hop_s = mel_format.hop_length / mel_format.sample_rate
        self.bands = nn.Linear(dim, 1 + 2 * BANDS)
        nn.init.zeros_(self.bands.weight)
        nn.init.zeros_(self.bands.bias)
        with torch.no_grad():
            self.bands.bias[1 : 1 + BANDS] = torch.linspace(-4.0, 2.0, BANDS)  # upper partials are noisier
        frequencies = torch.linspace(0.0, mel_format.sample_rate / 2, bins)
        # bands are of equal width on a scale that is linear at first, like that of the mel
        place = (torch.log1p(frequencies / 700.0) / math.log1p(mel_format.sample_rate / 1400.0)) * (BANDS - 1)
        interpolation = (1.0 - (place - torch.arange(BANDS)[:, None]).abs()).clamp(min=0.0)
        noise = torch.rand(NOISE_FRAMES, bins, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.register_buffer("interpolation", interpolation, persistent=False)
        self.register_buffer("noise", math.pi * noise, persistent=False)

    def initial_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, 2, dtype=torch.float64, device=self.noise.device)

    def forward(
        self, x: Tensor, log_magnitude: Tensor, phase: Tensor, mask: Tensor, state: Tensor
    ) -> tuple[HarmonicSpectrum, Tensor]:
        """x (batch, time, dim) is what the head read, mask (batch, time) its real frames."""
        low, noisy, depth = self.bands(x).split([1, BANDS, BANDS], dim=-1)
        octaves = math.log2(HIGHEST_HZ / LOWEST_HZ)
        # in float64: the phase is a sum over all frames, and a partial multiplies its error by the partial's number
        pitch = LOWEST_HZ * torch.exp2(octaves * torch.sigmoid(low.double()))
        fixed = pitch.detach()
        steps = torch.cat([fixed * self.hop_s, torch.ones_like(fixed)], dim=-1)
        clock = state[:, None] + torch.cumsum(steps * mask[..., None], dim=1)
        period = torch.tensor([1.0, NOISE_FRAMES], dtype=torch.float64, device=x.device)
        clock = clock - period * torch.floor(clock / period)
        turns, frame = clock[..., :1].float(), clock[..., 1].long()
        ratio = (self.frequencies / fixed).float()
        carrier = turns * ratio.round()
        carrier = 2.0 * math.pi * (carrier - carrier.floor())
        half_turns = math.pi * (torch.arange(ratio.shape[-1], device=x.device) % 2)
        phase = phase + carrier + half_turns + torch.sigmoid(noisy) @ self.interpolation * self.noise[frame]
        log_magnitude = log_magnitude + depth @ self.interpolation * torch.cos(2.0 * math.pi * ratio)
        return HarmonicSpectrum(log_magnitude, phase, pitch[..., 0].float()), clock[:, -1]


def octave_error(predicted: Tensor, pitch: Tensor) -> Tensor:
    """Mean distance of pitches (batch, time) in Hz, in octaves, where the true one is not 0."""
    voiced = pitch > 0
    error = (predicted / pitch.clamp(min=1.0)).log2().abs()
    return (error * voiced).sum() / voiced.sum().clamp(min=1)
