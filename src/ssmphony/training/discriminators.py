"""Discriminators of any width: two families for sound, one for mel spectrograms.

Multi-period: Kong et al., *HiFi-GAN* (arXiv 2010.05646). Multi-resolution on complex spectra in bands: Kumar et al.,
*High-Fidelity Audio Compression with Improved RVQGAN* (arXiv 2306.06546). Multi-length on mels: Ye et al.,
*SyntaSpeech* (arXiv 2204.11792).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from ssmphony.nn.gather import take

Verdict = tuple[Tensor, list[Tensor]]
"""Scores and inner features."""
Verdicts = tuple[list[Tensor], list[list[Tensor]]]
"""Of every discriminator."""


def _through(layers: Iterable[nn.Module], x: Tensor) -> Verdict:
    """x through the layers, and what each of them makes of it."""
    features: list[Tensor] = []
    for layer in layers:
        x = F.leaky_relu(layer(x), 0.1)
        features.append(x)
    return x, features


def _collect(verdicts: Iterable[Verdict]) -> Verdicts:
    scores, features = zip(*verdicts, strict=True)
    return list(scores), list(features)


class PeriodDiscriminator(nn.Module):
    """Looks at every ``period``-th sample: the sound folded into rows, convolved along time only."""

    def __init__(self, period: int, width: int) -> None:
        super().__init__()
        self.period = period
        widths = [1, width, 4 * width, 16 * width, 32 * width]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, (5, 1), (3, 1), (2, 0))) for i, o in zip(widths, widths[1:], strict=False)
        )
        self.head = weight_norm(nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, samples: Tensor) -> Verdict:
        """samples (batch, n)."""
        samples = F.pad(samples, (0, -samples.shape[-1] % self.period), mode="reflect")
        x = samples.unflatten(-1, (-1, self.period))[:, None]
        x, features = _through(self.layers, x)
        return self.head(x), features


class ResolutionDiscriminator(nn.Module):
    """Looks at a complex spectrogram, each of five bands with filters of its own."""

    bands = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
    window: Tensor

    def __init__(self, n_fft: int, width: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.edges = [int(band * (n_fft // 2 + 1)) for band in self.bands]
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.stacks = nn.ModuleList(self._stack(width) for _ in self.bands[1:])
        self.head = weight_norm(nn.Conv2d(width, 1, 3, padding=1))

    @staticmethod
    def _stack(width: int) -> nn.ModuleList:
        first = weight_norm(nn.Conv2d(2, width, (3, 9), padding=(1, 4)))
        strided = [weight_norm(nn.Conv2d(width, width, (3, 9), (1, 2), (1, 4))) for _ in range(3)]
        return nn.ModuleList([first, *strided, weight_norm(nn.Conv2d(width, width, 3, padding=1))])

    def forward(self, samples: Tensor) -> Verdict:
        """samples (batch, n); loudness and offset are taken out first, so that neither can tell the sides apart."""
        samples = samples - samples.mean(dim=-1, keepdim=True)
        samples = 0.8 * samples / (samples.abs().amax(dim=-1, keepdim=True) + 1e-9)
        spectrum = torch.stft(samples, self.n_fft, self.n_fft // 4, window=self.window, return_complex=True)
        image = torch.stack([spectrum.real, spectrum.imag], dim=1).transpose(2, 3)
        features: list[Tensor] = []
        outputs: list[Tensor] = []
        for stack, low, high in zip(self.stacks, self.edges, self.edges[1:], strict=False):
            x, inner = _through(stack.children(), image[..., low:high])
            features += inner
            outputs.append(x)
        return self.head(torch.cat(outputs, dim=-1)), features


class Discriminators(nn.Module):
    """All of them at once; ``width`` 32 is the published size of both families."""

    def __init__(
        self, width: int, periods: Sequence[int] = (2, 3, 5, 7, 11), windows: Sequence[int] = (2048, 1024, 512)
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            [
                *(PeriodDiscriminator(period, width) for period in periods),
                *(ResolutionDiscriminator(n_fft, width) for n_fft in windows),
            ]
        )

    def forward(self, samples: Tensor) -> Verdicts:
        """samples (batch, n) → scores and features of every discriminator."""
        return _collect(member(samples) for member in self.members)


class MelDiscriminator(nn.Module):
    """Looks at a stretch of mel spectrogram as at a picture."""

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [1, width, 2 * width, 4 * width]
        strides = [(1, 2), (2, 2), (2, 2)]
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(i, o, (3, 5), stride, (1, 2)))
            for i, o, stride in zip(widths, widths[1:], strides, strict=False)
        )
        self.head = weight_norm(nn.Conv2d(widths[-1], 1, 3, padding=1))

    def forward(self, mel: Tensor) -> Verdict:
        """mel (batch, frame, n_mels)."""
        x = mel[:, None]
        x, features = _through(self.layers, x)
        return self.head(x), features


class MelDiscriminators(nn.Module):
    """One for each length of stretch, in frames."""

    def __init__(self, width: int, windows: Sequence[int]) -> None:
        super().__init__()
        self.windows = tuple(windows)
        self.members = nn.ModuleList(MelDiscriminator(width) for _ in windows)

    def forward(self, mel: Tensor, places: Sequence[Tensor]) -> Verdicts:
        """mel (batch, frame, n_mels) and, for each window, the frames (batch, window) to look at."""
        return _collect(member(take(mel, place)) for member, place in zip(self.members, places, strict=True))
