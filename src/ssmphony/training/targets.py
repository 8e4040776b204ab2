"""Durations, pitch and energy of each token of a recording, to train a model on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssmphony.alignment.monotonic import anchor_penalty, search, token_means
from ssmphony.data.dataset import Batch


class Targets(NamedTuple):
    """Per token, (batch, token): durations in frames, pitch in octaves above the speaker's mean, and energy, the mean
    of the normalised mel. Per frame, (batch, frame): the contour of the pitch. Unvoiced stretches are interpolated in
    both pitches."""

    durations: Tensor
    pitch: Tensor
    energy: Tensor
    contour: Tensor


def alignment_scores(prior: Tensor, mel: Tensor) -> Tensor:
    """Log likelihood, but for a constant, of each frame under each token's unit Gaussian, (batch, token, frame).

    prior: (batch, token, n_mels), the means; mel: (batch, frame, n_mels). In float32 even under autocast: paths
    are compared by small differences of large numbers.
    """
    with torch.autocast(mel.device.type, enabled=False):
        prior, mel = prior.float(), mel.float()
        return (
            torch.bmm(prior, mel.transpose(1, 2))
            - 0.5 * prior.square().sum(-1)[:, :, None]
            - 0.5 * mel.square().sum(-1)[:, None, :]
        )


def align(batch: Batch, mel: Tensor, prior: Tensor, anchor_tolerance: float) -> Tensor:
    """Durations (batch, token) by monotonic alignment inside the known times.

    mel: (batch, frame, n_mels) normalised; prior: (batch, token, n_mels); anchor_tolerance: in frames, see
    `anchor_penalty`. Raises `ValueError` for a clip with fewer frames than tokens.
    """
    penalty = anchor_penalty(batch.anchors, prior.shape[1], mel.shape[1], anchor_tolerance)
    token_lengths = batch.token_mask.sum(1).cpu().numpy()
    frame_lengths = batch.frame_mask.sum(1).cpu().numpy()
    durations = search(alignment_scores(prior, mel).cpu().numpy() + penalty, token_lengths, frame_lengths)
    return torch.from_numpy(durations).to(mel.device)


def average(batch: Batch, mel: Tensor, lengths: Tensor, mean_log2_f0: Mapping[int, float]) -> Targets:
    """The recording's prosody, averaged over tokens of ``lengths`` (batch, token) frames.

    mel: (batch, frame, n_mels) normalised; mean_log2_f0: by speaker id.
    """
    durations = lengths.cpu().numpy()
    token_lengths = batch.token_mask.sum(1).cpu().numpy()
    energy = mel.mean(-1).float().cpu().numpy()
    f0 = batch.f0.cpu().numpy()
    pitches, energies = np.zeros(durations.shape, "f4"), np.zeros(durations.shape, "f4")
    contours = np.zeros(f0.shape, "f4")
    for row, speaker in enumerate(batch.speakers.tolist()):
        n = int(token_lengths[row])
        sounding = f0[row] > 0
        octaves = np.log2(np.where(sounding, f0[row], 1.0)) - np.float32(mean_log2_f0.get(speaker, 0.0))
        pitches[row, :n], _ = token_means(octaves, sounding, durations[row, :n])
        energies[row, :n], _ = token_means(energy[row], np.ones(len(f0[row]), bool), durations[row, :n])
        if sounding.any():
            contours[row] = np.interp(np.arange(len(sounding)), np.flatnonzero(sounding), octaves[sounding])
    arrays = (durations, pitches, energies, contours)
    return Targets(*(torch.from_numpy(array).to(mel.device) for array in arrays))
