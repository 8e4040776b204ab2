"""Discriminators of any width: three families for sound, one for mel spectrograms.

Multi-period: Kong et al., *HiFi-GAN* (arXiv 2010.05646). Multi-resolution on complex spectra in bands: Kumar et al.,
*High-Fidelity Audio Compression with Improved RVQGAN* (arXiv 2306.06546). Multi-length on mels: Ye et al.,
*SyntaSpeech* (arXiv 2204.11792).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from ssmphony.config import Config
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
        """samples (batch, n); loudness and offset are removed first, so that neither distinguishes the sides."""
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


class MelDiscriminator(nn.Module):
    """Looks at a stretch of a spectrogram as at a picture."""

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
        """mel (batch, frame, band): log-mel, or log magnitudes."""
        x = mel[:, None]
        x, features = _through(self.layers, x)
        return self.head(x), features


class PictureView(NamedTuple):
    """A spectrogram of log magnitudes: the first ``bins`` bins of an STFT."""

    n_fft: int
    hop_length: int
    bins: int


class PictureDiscriminator(nn.Module):
    """Looks at log magnitudes as at a picture: a third of the cost of one of complex spectra, and sees no phases."""

    window: Tensor

    def __init__(self, view: PictureView, width: int) -> None:
        super().__init__()
        self.view = view
        self.picture = MelDiscriminator(width)
        self.register_buffer("window", torch.hann_window(view.n_fft), persistent=False)

    def forward(self, samples: Tensor) -> Verdict:
        """samples (batch, n)."""
        n_fft, hop_length, bins = self.view
        spectrum = torch.stft(samples, n_fft, hop_length, window=self.window, return_complex=True)[:, :bins]
        power = spectrum.real.square() + spectrum.imag.square()
        # log magnitudes of speech, about -9 to 4, to the range -2 to 2.3
        return self.picture(((power + 1e-8).log().transpose(1, 2) / 2 + 3) / 3)


class Discriminators(nn.Module):
    """Several discriminators of sound as one."""

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, samples: Tensor) -> Verdicts:
        """samples (batch, n) → scores and features of every discriminator."""
        return _collect(member(samples) for member in self.members)


class PicturesConfig(Config):
    """Discriminators of log-magnitude pictures."""

    views: tuple[PictureView, ...] = (
        PictureView(1200, 300, 256),
        PictureView(512, 128, 257),
        PictureView(128, 32, 65),
    )
    """One discriminator each: the window and the hop of an STFT in samples, and how many bins are seen. By default, at
    24 kHz, partials below 5 kHz, short moments, and the single periods of a voice, whose form depends on the phases."""
    width: int = Field(default=16, ge=1)
    """Channels of the first layer."""

    @model_validator(mode="after")
    def _bins_exist(self) -> PicturesConfig:
        for view in self.views:
            if not 0 < view.bins <= view.n_fft // 2 + 1 or not 0 < view.hop_length <= view.n_fft:
                raise ValueError(
                    f"a window of {view.n_fft} has {view.n_fft // 2 + 1} bins and hops up to it: {[*view]}"
                )
        return self


class AdversarialConfig(Config):
    """Which discriminators of sound a training has, and how much they count. The defaults are those of HiFi-GAN (arXiv
    2010.05646)."""

    width: int = Field(default=8, ge=1)
    """Of the discriminators of ``periods`` and ``windows``; 32 is the published size."""
    samples: int = Field(default=8192, ge=2048)
    """Length of the crop that they see."""
    start_step: int = Field(default=0, ge=0)
    """Before it the spectral loss trains alone."""
    mel_weight: float = 45.0
    """Weight of the spectral loss against the generator's loss."""
    feature_weight: float = 2.0
    """Weight of feature matching against the generator's loss."""
    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    """A discriminator each, of every n-th sample."""
    windows: tuple[int, ...] = (2048, 1024, 512)
    """A discriminator each, of complex spectra with that window."""
    pictures: PicturesConfig | None = None
    """Discriminators of log-magnitude pictures in addition."""

    @model_validator(mode="after")
    def _there_are_some(self) -> AdversarialConfig:
        if not (self.periods or self.windows or (self.pictures and self.pictures.views)):
            raise ValueError("names no discriminator: give periods, windows or pictures")
        return self

    def build(self) -> Discriminators:
        pictures = self.pictures or PicturesConfig(views=())
        return Discriminators(
            [
                *(PeriodDiscriminator(period, self.width) for period in self.periods),
                *(ResolutionDiscriminator(n_fft, self.width) for n_fft in self.windows),
                *(PictureDiscriminator(view, pictures.width) for view in pictures.views),
            ]
        )


class MelDiscriminators(nn.Module):
    """One for each length of stretch, in frames."""

    def __init__(self, width: int, windows: Sequence[int]) -> None:
        super().__init__()
        self.windows = tuple(windows)
        self.members = nn.ModuleList(MelDiscriminator(width) for _ in windows)

    def forward(self, mel: Tensor, places: Sequence[Tensor]) -> Verdicts:
        """mel (batch, frame, n_mels) and, for each window, the frames (batch, window) to look at."""
        return _collect(member(take(mel, place)) for member, place in zip(self.members, places, strict=True))
