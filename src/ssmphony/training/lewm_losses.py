"""Losses of a predictor of audio latents. All are means over what the masks hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.data.dataset import Anchor, Batch
from ssmphony.training.losses import masked_mean

Floats = npt.NDArray[np.floating]
HORIZONS = (1, 2, 4, 8, 16, 32, 64)
"""Latents ahead at which a rollout is compared."""
KNOTS = 17
FURTHEST = 3.0
SILENT_MODULATION = 1e-2
"""Modulations smaller than this, in units of the normalised mel, are noise: their logarithm is not compared."""


def kl_divergence(mean: Tensor, log_variance: Tensor, mask: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) a dimension of a latent: ``½ (mean² + variance - log variance - 1)``."""
    return masked_mean(0.5 * (mean.square() + log_variance.exp() - log_variance - 1.0), mask)


def sigreg(samples: Tensor, directions: int) -> Tensor:
    """SIGReg of LeWorldModel: how far samples (n, channel) are from an isotropic standard Gaussian.

    Along random unit directions u the characteristic function of the projections is compared with that of a standard
    normal, ``n ∫ |mean exp(i t u·z) - exp(-t² / 2)|² exp(-t² / 2) dt`` over [0, 3] by the trapezoid rule at 17 knots
    (the Epps-Pulley test), and averaged over the directions. Of a Gaussian it is about ½ whatever n; of collapsed
    samples it grows with n.
    """
    u = F.normalize(torch.randn(samples.shape[1], directions, device=samples.device), dim=0)
    t = torch.linspace(0.0, FURTHEST, KNOTS, device=samples.device)
    phi = torch.exp(-0.5 * t.square())
    weights = torch.full_like(t, 2.0)
    weights[0] = weights[-1] = 1.0
    weights = weights * (FURTHEST / (KNOTS - 1) / 2.0) * phi
    angles = (samples.float() @ u)[..., None] * t
    error = (angles.cos().mean(0) - phi).square() + angles.sin().mean(0).square()
    return (error @ weights).mean() * len(samples)


def spectrum(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Variances of latents (n, channel) along their principal axes, and the effective rank: the exponential of the
    entropy of their shares (Roy & Vetterli 2007)."""
    centred = (latents - latents.mean(0)).float()
    variances = torch.linalg.svdvals(centred).square() / max(1, len(latents) - 1)
    shares = variances / variances.sum().clamp(min=1e-12)
    return variances, torch.exp(-(shares * shares.clamp(min=1e-12).log()).sum())


class ModulationLoss(nn.Module):
    """Multi-resolution spectral loss along the time of each mel band: no envelope may be a blurred average.

    Spectral convergence and L1 of the log magnitude (Yamamoto et al., *Parallel WaveGAN*, arXiv 1910.11480) at windows
    of ``sizes`` mel frames, hop a quarter.
    """

    def __init__(self, sizes: Sequence[int] = (64, 128, 256)) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        for size in self.sizes:
            self.register_buffer(f"hann_{size}", torch.hann_window(size), persistent=False)

    def forward(self, prediction: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """prediction, target: (batch, frame, n_mels) normalised; frames outside mask (batch, frame) read as zero."""
        bands = [(mel.float() * mask[..., None]).transpose(1, 2).flatten(0, 1) for mel in (prediction, target)]
        total = prediction.new_zeros(())
        for size in self.sizes:
            generated, real = (self._magnitude(band, size) for band in bands)
            convergence = (generated - real).norm() / real.norm().clamp(min=1e-6)
            logs = F.l1_loss(generated.clamp(min=SILENT_MODULATION).log(), real.clamp(min=SILENT_MODULATION).log())
            total = total + convergence + logs
        return total / len(self.sizes)

    def _magnitude(self, band: Tensor, size: int) -> Tensor:
        window = self.get_buffer(f"hann_{size}")
        spectrum = torch.stft(band, size, size // 4, window=window, pad_mode="constant", return_complex=True)
        spectrum = spectrum / window.sum()
        return torch.sqrt(spectrum.real.square() + spectrum.imag.square() + 1e-10)


def stop_loss(logits: Tensor, mask: Tensor, positive_weight: float) -> Tensor:
    """Binary cross-entropy of the end of speech: true at the last latent, ignored at the one before."""
    last = mask & ~F.pad(mask[:, 1:], (0, 1))
    counted = mask & ~F.pad(last[:, 1:], (0, 1))
    weight = torch.tensor(positive_weight, device=logits.device)
    loss = F.binary_cross_entropy_with_logits(logits, last.float(), reduction="none", pos_weight=weight)
    return masked_mean(loss, counted)


def alignment_loss(attention: Tensor, tokens: Tensor, width: Tensor, mask: Tensor) -> Tensor:
    """Attention that strays from the tokens spoken: ``-log sum_j a[t, j] exp(-½ ((j - p[t]) / width)²)``.

    attention (batch, time, token); tokens p (batch, time), see `spoken_tokens`; width (batch,) in tokens. The soft
    diagonal is that of guided attention (Tachibana et al., arXiv 1710.08969), as a prior instead of a penalty.
    """
    index = torch.arange(attention.shape[2], device=attention.device)
    distance = (index - tokens[..., None]) / width[:, None, None]
    near = (attention * torch.exp(-0.5 * distance.square())).sum(-1)
    return masked_mean(-(near + 1e-6).log(), mask)


def pace_loss(paces: Tensor, places: Tensor, mask: Tensor) -> Tensor:
    """Squared error of how far each latent moves the position in the text: its best guess is the mean, and means add up
    to the mean duration of a segment of text. paces, places, mask: (batch, time)."""
    moved = places[:, 1:] - places[:, :-1]
    return masked_mean((paces[:, :-1] - moved).square(), mask[:, 1:])


def spoken_tokens(anchors: Sequence[Anchor], tokens: int, frames: int, times: Floats) -> Floats:
    """The token (fractional) that is spoken at each of ``times`` (in frames), by straight lines between known times.

    Token j is around j: from j - ½ to j + ½. Without anchors it is one line from the first token to the last.
    """
    where, what = _knots(anchors, tokens, frames)
    return np.interp(times, where, what).astype(np.float32)


def token_ends(anchors: Sequence[Anchor], tokens: int, frames: int) -> Floats:
    """The time (in frames, fractional) after each token: the inverse of `spoken_tokens`. The last is ``frames``."""
    where, what = _knots(anchors, tokens, frames)
    ends = np.interp(np.arange(tokens) + 0.5, what, where)
    ends[-1:] = frames
    return ends.astype(np.float32)


def _knots(anchors: Sequence[Anchor], tokens: int, frames: int) -> tuple[Floats, Floats]:
    """Known times, and the tokens at them; neither goes back."""
    knots = [(0.0, 0.0)]
    for first, stop, start, end in anchors:
        knots += [(start, first - 0.5), (end, stop - 0.5)]
    knots.append((float(frames), tokens - 1.0))
    where, what = np.array(knots).T
    return where, np.minimum(np.maximum.accumulate(what), tokens - 1.0)


def places_in_text(batch: Batch, mask: Tensor, stride: int = 1) -> Tensor:
    """The token spoken in the middle of each latent of ``stride`` frames, (batch, latent) like ``mask``; see
    `spoken_tokens`."""
    middles = (np.arange(mask.shape[1]) + 0.5) * stride
    return torch.from_numpy(np.stack([spoken_tokens(*row, middles) for row in _texts(batch)])).to(mask.device)


def known_ends(batch: Batch) -> Tensor:
    """The time after each token, (batch, token) in frames; see `token_ends`. Padding ends with the clip."""
    ends = torch.zeros(batch.token_mask.shape)
    for row, (anchors, tokens, frames) in enumerate(_texts(batch)):
        ends[row] = frames
        ends[row, :tokens] = torch.from_numpy(token_ends(anchors, tokens, frames))
    return ends.to(batch.token_mask.device)


def _texts(batch: Batch) -> list[tuple[Sequence[Anchor], int, int]]:
    counts, frames = batch.token_mask.sum(1).tolist(), batch.frame_mask.sum(1).tolist()
    return list(zip(batch.anchors, counts, frames, strict=True))


def mean_errors(clips: list[dict[int, Tensor]]) -> Mapping[int, Tensor]:
    """The mean of each horizon over the clips that have room for it."""
    horizons = sorted({step for clip in clips for step in clip})
    return {step: torch.stack([clip[step] for clip in clips if step in clip]).mean() for step in horizons}
