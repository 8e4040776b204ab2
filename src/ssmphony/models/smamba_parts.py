"""Parts of `ssmphony.models.smamba`: encoders of text, speech and style, and what predicts durations and pitch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.mel import hann
from ssmphony.models.s4_acoustic import MAX_LOG_DURATION, WORD_POSITIONS
from ssmphony.models.s4_spectrum import FIRST_LOG_DURATION
from ssmphony.nn import EncoderConfig
from ssmphony.nn.convnext import ConvNeXtStack
from ssmphony.ssm.masking import hide

KERNEL = 5
"""Taps of the convolutions over tokens."""
LEAST_LOG_STD, MOST_LOG_STD = -7.0, 2.0
"""Of latents: a standard deviation that is free runs away."""
FLOOR = 1e-5
"""Of magnitudes."""
SPECTRUM_MEAN, SPECTRUM_STD = -4.0, 3.0
"""Log magnitudes are normalised for the network."""


class TextEncoder(nn.Module):
    """Tokens → (batch, token, d_model): embedding, place in the word and style, two convolutions, two-sided blocks."""

    def __init__(self, n_symbols: int, d_style: int, encoder: EncoderConfig) -> None:
        super().__init__()
        width = encoder.d_model
        self.symbols = nn.Embedding(n_symbols, width, padding_idx=0)
        self.positions = nn.Embedding(WORD_POSITIONS, width)
        self.style = nn.Linear(d_style, width, bias=False)
        self.convs = ConvNeXtStack(width, 2 * width, KERNEL, depth=2)
        self.blocks = encoder.build()
        self.norm = nn.LayerNorm(width)
        for embedding in (self.symbols, self.positions):
            nn.init.normal_(embedding.weight, std=0.3)

    def forward(self, ids: Tensor, word_positions: Tensor, mask: Tensor, style: Tensor) -> Tensor:
        """ids, word_positions (batch, token) int, mask (batch, token) bool, style (batch, d_style)."""
        x = self.symbols(ids) + self.positions(word_positions) + self.style(style)[:, None]
        return hide(self.norm(self.blocks(self.convs.whole(x, mask), mask)), mask)


class PosteriorEncoder(nn.Module):
    """Speech → mean and log standard deviation of its latents, from the log spectrogram of the whole band.

    ConvNeXt blocks do the work of VITS's gated convolutions.
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, d_latent: int, d_style: int, width: int, depth: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.from_numpy(hann(n_fft)).float(), persistent=False)
        self.enter = nn.Linear(n_fft // 2 + 1, width)
        self.style = nn.Linear(d_style, width, bias=False)
        self.blocks = ConvNeXtStack(width, 2 * width, 7, depth)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, 2 * d_latent)

    def forward(self, samples: Tensor, mask: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """samples (batch, n), mask (batch, frame) bool, style (batch, d_style) → two times (batch, frame, d_latent)."""
        x = self.enter(hide(self.spectrogram(samples, mask.shape[1]), mask)) + self.style(style)[:, None]
        mean, log_std = self.leave(self.norm(self.blocks.whole(x, mask))).chunk(2, dim=-1)
        return hide(mean, mask), hide(bounded_log_std(log_std), mask)

    def spectrogram(self, samples: Tensor, frames: int) -> Tensor:
        """Normalised log magnitudes (batch, frames, n_fft / 2 + 1); frame t is centred on sample ``t * hop_length``."""
        needed = (frames - 1) * self.hop_length + self.n_fft // 2
        padded = F.pad(samples[:, :needed], (self.n_fft // 2, max(0, needed - samples.shape[1])))
        spectrum = torch.stft(
            padded.float(), self.n_fft, self.hop_length, window=self.window, center=False, return_complex=True
        )
        power = spectrum.real.square() + spectrum.imag.square()
        log = 0.5 * (power + FLOOR**2).log()
        return (log.transpose(1, 2) - SPECTRUM_MEAN) / SPECTRUM_STD


class FramePrior(nn.Module):
    """What a frame's place in its phone, and its neighbours, add to the statistics of the phone: at first nothing.

    VITS has one mean for all frames of a phone, and leaves the rest to the flow.
    """

    def __init__(self, d_statistics: int, d_style: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(d_statistics + 2, width)
        self.style = nn.Linear(d_style, width, bias=False)
        self.convs = ConvNeXtStack(width, 2 * width, 7, depth)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, d_statistics)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, statistics: Tensor, places: Tensor, style: Tensor, mask: Tensor) -> Tensor:
        """statistics (batch, frame, channel), places (batch, frame, 2), style (batch, frame or 1, d_style)."""
        x = self.enter(torch.cat([statistics, places], dim=-1)) + self.style(style)
        return statistics + self.leave(self.norm(self.convs.whole(x, mask)))


class PitchPredictor(nn.Module):
    """Latents → pitch in octaves above `ssmphony.models.s4_spectrum.FIRST_PITCH_HZ`, and log odds of voicing."""

    def __init__(self, d_latent: int, d_style: int, width: int, depth: int) -> None:
        super().__init__()
        self.enter = nn.Linear(d_latent, width)
        self.style = nn.Linear(d_style, width, bias=False)
        self.convs = ConvNeXtStack(width, 2 * width, 7, depth)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2)

    def forward(self, latents: Tensor, style: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """latents (batch, frame, d_latent), style (batch, frame or 1, d_style) → two times (batch, frame)."""
        x = self.convs.whole(self.enter(latents) + self.style(style), mask)
        octaves, voicing = self.head(self.norm(x)).unbind(dim=-1)
        return octaves, voicing


class Durations(nn.Module):
    """States of the text → log durations in frames; and, if they are drawn, the logarithm of their standard deviation.

    Drawn durations are log-normal, each by itself: simpler than the flow of VITS's stochastic predictor.
    """

    def __init__(self, width: int, drawn: bool) -> None:
        super().__init__()
        self.convs = ConvNeXtStack(width, 2 * width, KERNEL, depth=2)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 1)
        self.spread = nn.Linear(width, 1) if drawn else None
        nn.init.constant_(self.head.bias, FIRST_LOG_DURATION)
        if self.spread is not None:
            nn.init.constant_(self.spread.bias, -1.0)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """x (batch, token, width), mask (batch, token) → (batch, token) each."""
        x = self.norm(self.convs.whole(x, mask))
        mean = self.head(x).squeeze(-1).clamp(max=MAX_LOG_DURATION)
        return mean, None if self.spread is None else self.spread(x).squeeze(-1).clamp(-4.0, 1.0)


def bounded_log_std(values: Tensor) -> Tensor:
    return values.clamp(LEAST_LOG_STD, MOST_LOG_STD)


def log_likelihoods(latents: Tensor, mean: Tensor, log_std: Tensor) -> Tensor:
    """Log density of each frame's latents under the Gaussian of each token, (batch, token, frame), in float32.

    latents (batch, frame, channel); mean, log_std (batch, token, channel).
    """
    with torch.autocast(latents.device.type, enabled=False):
        latents, mean, log_std = latents.float(), mean.float(), log_std.float()
        precision = torch.exp(-2.0 * log_std)
        constant = (-0.5 * math.log(2.0 * math.pi) - log_std - 0.5 * mean.square() * precision).sum(-1)
        squares = -0.5 * precision @ latents.square().transpose(1, 2)
        return constant[:, :, None] + squares + (mean * precision) @ latents.transpose(1, 2)
