"""Losses on sound and on spectrograms."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.audio.mel import mel_filterbank
from ssmphony.types import MelFormat


class MultiScaleMelLoss(nn.Module):
    """Mean over scales of the L1 distance of log-mel spectrograms.

    Windows and mel bands as in the Descript audio codec (arXiv 2306.06546), hop a quarter of the window; the
    linear log-magnitude distance at the two largest windows keeps partials apart that a mel band would merge.
    """

    def __init__(
        self,
        sample_rate: int,
        windows: Sequence[int] = (2048, 1024, 512, 256, 128, 64),
        n_mels: Sequence[int] = (320, 160, 80, 40, 20, 10),
        floor: float = 1e-5,
    ) -> None:
        super().__init__()
        self.windows = tuple(windows)
        self.floor = floor
        for window, bands in zip(windows, n_mels, strict=True):
            grid = MelFormat(sample_rate, window, window // 4, bands, 0.0, sample_rate / 2)
            self.register_buffer(f"mel_{window}", torch.from_numpy(mel_filterbank(grid)), persistent=False)
            self.register_buffer(f"hann_{window}", torch.hann_window(window), persistent=False)

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """prediction, target: (batch, n) samples."""
        both = torch.stack([prediction, target])
        total = prediction.new_zeros(())
        for window in self.windows:
            spectrum = torch.stft(
                both.flatten(0, 1),
                window,
                window // 4,
                window=self.get_buffer(f"hann_{window}"),
                return_complex=True,
            )
            magnitude = torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-12)
            mel = magnitude.transpose(1, 2) @ self.get_buffer(f"mel_{window}")
            total = total + self._distance(mel)
            if window in self.windows[:2]:
                total = total + 0.5 * self._distance(magnitude)
        return total / len(self.windows)

    def _distance(self, magnitude: Tensor) -> Tensor:
        prediction, target = magnitude.clamp(min=self.floor).log().chunk(2)
        return F.l1_loss(prediction, target)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of values (batch, time) or (batch, time, channel) where mask (batch, time) is true; 0 where it never is."""
    values = values.mean(-1) if values.ndim > mask.ndim else values
    return (values * mask).sum() / mask.sum().clamp(min=1)


def dissimilarity(prediction: Tensor, target: Tensor, mask: Tensor, window: int = 11) -> Tensor:
    """1 - SSIM of pictures (batch, frame, n_mels), values 0 … 1, where mask (batch, frame) is true.

    Structural similarity in Gaussian windows (Wang et al. 2004, doi 10.1109/TIP.2003.819861): it sees that detail is
    missing, which the distance of each point alone forgives.
    """
    places = torch.arange(window, device=prediction.device) - window // 2
    bell = torch.exp(-0.5 * (places / 1.5).square())
    bell = bell / bell.sum()

    def blurred(picture: Tensor) -> Tensor:
        across = F.conv2d(picture[:, None], bell[None, None, None], padding=(0, window // 2))
        return F.conv2d(across, bell[None, None, :, None], padding=(window // 2, 0))[:, 0]

    x, y = prediction * mask[..., None], target * mask[..., None]
    mean_x, mean_y = blurred(x), blurred(y)
    variances = blurred(x * x) - mean_x.square() + blurred(y * y) - mean_y.square()
    covariance = blurred(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + 1e-4) / (mean_x.square() + mean_y.square() + 1e-4)
    likeness = likeness * (2 * covariance + 9e-4) / (variances + 9e-4)
    return masked_mean(1.0 - likeness, mask)


def random_windows(counts: Tensor, length: int) -> Tensor:
    """counts (batch,) → (batch, length): indices in a row from a random place, within the count where it is enough."""
    room = (counts - length).clamp(min=0)
    first = (torch.rand(len(counts), device=counts.device) * (room + 1)).long()
    return first[:, None] + torch.arange(length, device=counts.device)


def discriminator_loss(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the discriminators, summed over them."""
    losses = [F.relu(1 - r).mean() + F.relu(1 + f).mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(losses).sum()


def generator_loss(fake: Sequence[Tensor]) -> Tensor:
    """Hinge loss of the generator, summed over the discriminators: published weights of the other losses expect it."""
    return torch.stack([F.relu(1 - f).mean() for f in fake]).sum()


def feature_matching_loss(real: Sequence[Sequence[Tensor]], fake: Sequence[Sequence[Tensor]]) -> Tensor:
    """L1 distance of the inner layers on real and generated sound, summed over layers and discriminators
    (arXiv 1910.06711)."""
    pairs = [(r, f) for rs, fs in zip(real, fake, strict=True) for r, f in zip(rs, fs, strict=True)]
    return torch.stack([F.l1_loss(f, r.detach()) for r, f in pairs]).sum()
