"""Losses of `ssmphony.training.tasks.smamba` that others have no use for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.alignment.monotonic import anchor_penalty, search
from ssmphony.data.corpora.kokoro_teacher import STYLE, read_styles
from ssmphony.data.dataset import Batch
from ssmphony.models.smamba_parts import log_likelihoods
from ssmphony.speakers import speaker_weights
from ssmphony.training.losses import masked_mean
from ssmphony.types import SsmphonyError

TEMPERATURE = 0.1
"""Of the cosines between style vectors."""


def divergence(
    noise: Tensor, posterior_log_std: Tensor, prior_mean: Tensor, prior_log_std: Tensor, mask: Tensor
) -> Tensor:
    """Divergence of the posterior from the prior, in nats a frame and channel: a sample's estimate, as in VITS.

    noise: what the flow made of latents that were drawn from the posterior; all (batch, frame, channel), mask (batch,
    frame). In float32 even under autocast.
    """
    with torch.autocast(noise.device.type, enabled=False):
        distance = (noise.float() - prior_mean.float()).square() * torch.exp(-2.0 * prior_log_std.float())
        return masked_mean(prior_log_std.float() - posterior_log_std.float() - 0.5 + 0.5 * distance, mask)


def duration_loss(mean: Tensor, spread: Tensor | None, frames: Tensor, mask: Tensor) -> Tensor:
    """L1 distance of log durations; of drawn ones, with the logarithm ``spread`` of their standard deviation, minus the
    log likelihood. All (batch, token); tokens that last no frame do not count."""
    target, real = frames.clamp(min=1).log(), mask & (frames > 0)
    if spread is None:
        return masked_mean((mean - target).abs(), real)
    return masked_mean(spread + 0.5 * (mean - target).square() * torch.exp(-2.0 * spread), real)


def contrast(one: Tensor, other: Tensor) -> Tensor:
    """How well each of n speakers is found by the other stretch of its speech, by cosine; (n, channel) each.

    Cross-entropy in both directions (InfoNCE, van den Oord et al., arXiv 1807.03748).
    """
    scores = F.normalize(one, dim=-1) @ F.normalize(other, dim=-1).T / TEMPERATURE
    right = torch.arange(len(scores), device=scores.device)
    return 0.5 * (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right))


def aligned_durations(
    batch: Batch, noise: Tensor, statistics: Tensor, known: Tensor, anchor_tolerance: float
) -> Tensor:
    """Durations (batch, token) in frames: the known ones and, of rows without any, those of the likeliest path.

    Args:
        noise: What the flow made of the latents, (batch, frame, channel).
        statistics: Mean and log standard deviation of the prior of each token, (batch, token, 2 channel).
        known: (batch, token), all 0 in rows that are to be aligned.
        anchor_tolerance: In frames; times of words hold the path, where they are known.

    Raises:
        SsmphonyError: For a clip with fewer frames than tokens.
    """
    rows = (known.sum(dim=1) == 0).nonzero()[:, 0].tolist()
    if not rows:
        return known
    tokens, frames = (mask[rows].sum(dim=1).cpu().numpy() for mask in (batch.token_mask, batch.frame_mask))
    for row, short in zip(rows, frames < tokens, strict=True):
        if short:
            raise SsmphonyError(f"clip {batch.names[row]} has fewer frames than phones: leave it out (exclude)")
    with torch.no_grad():
        values = log_likelihoods(noise[rows], *statistics[rows].chunk(2, dim=-1)).cpu().numpy()
    _, most_tokens, most_frames = values.shape
    penalty = anchor_penalty([batch.anchors[row] for row in rows], most_tokens, most_frames, anchor_tolerance)
    found = known.clone()
    found[rows] = torch.from_numpy(search(values + penalty, tokens, frames)).to(known)
    return found


def teacher_styles(folder: Path, speakers: Sequence[str]) -> Tensor:
    """The teacher's own vectors of how its voices sound, normalised, (speaker, STYLE / 2); NaN where it has no such
    voice.

    The other half of its style is how they speak. Vectors of blends are blends of the vectors. Raises `SsmphonyError`
    if it has none of the voices.
    """
    names = {path.stem for path in folder.glob("*.bin")}
    rows: list[Tensor] = []
    for speaker in speakers:
        try:
            weights = speaker_weights(speaker, members := sorted(names))
        except SsmphonyError:
            rows.append(torch.full((STYLE // 2,), torch.nan))
            continue
        used = [(members[index], float(weights[index])) for index in np.flatnonzero(weights)]
        mean = sum(share * read_styles(folder / f"{name}.bin").mean(axis=0) for name, share in used)
        rows.append(F.layer_norm(torch.from_numpy(np.asarray(mean, np.float32)[: STYLE // 2]), (STYLE // 2,)))
    table = torch.stack(rows)
    if bool(torch.isnan(table).all()):
        raise SsmphonyError(f"{folder}: holds no voice of the speakers: take the folder of the teacher's voices")
    return table


def style_distance(styles: Tensor, targets: Tensor) -> Tensor:
    """Mean square of the distances, over the rows that have a target (batch, channel); 0 where none has."""
    known = ~torch.isnan(targets).any(dim=1)
    return masked_mean((styles.float() - targets.nan_to_num()).square(), known)


def warmed(step: int, steps: int) -> float:
    """Rises to 1 in so many steps."""
    return 1.0 if steps == 0 else min(1.0, (step + 1) / steps)


def sound_lengths(samples: Tensor) -> Tensor:
    """samples (batch, n) → (batch,): samples up to the last that is not zero, at least one."""
    place = torch.arange(1, samples.shape[1] + 1, device=samples.device)
    return (place * (samples != 0.0)).amax(dim=1).clamp(min=1)


def frame_mask_of(samples: Tensor, frames: int, hop_length: int) -> Tensor:
    """Which of the frames of padded samples hold sound: (batch, frames) bool."""
    counts = 1 + torch.div(sound_lengths(samples), hop_length, rounding_mode="floor")
    return torch.arange(frames, device=samples.device) < counts[:, None]
