"""The inverse STFT of codecs in PyTorch, with its memory passed in and out; the twin of `ssmphony.audio.stft`."""

from __future__ import annotations

import torch
from torch import Tensor


def overlap_add(
    spectra: Tensor, mask: Tensor, window: Tensor, segments: Tensor, segment_mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Overlap-add of windowed inverse FFTs, divided by the sum of the squared windows of the frames that exist.

    Args:
        spectra: (batch, time, n_fft / 2 + 1) complex, any value where the mask is false.
        mask: (batch, time) bool.
        window: (n_fft,).
        segments: (batch, n_fft / hop - 1, n_fft), windowed segments that still overlap samples to come.
        segment_mask: (batch, n_fft / hop - 1) bool, which of them exist.

    Returns:
        Samples (batch, time * hop), of which step i belongs to frame ``i - n_fft / (2 hop)``, and the new memory.
    """
    n_fft, (batch, time) = window.shape[0], mask.shape
    overlap = segments.shape[1] + 1
    hop = n_fft // overlap
    new = torch.fft.irfft(spectra, n=n_fft, dim=-1) * window * mask[..., None]
    segments = torch.cat([segments, new], dim=1)
    masks = torch.cat([segment_mask, mask], dim=1)
    energy = window.square()
    samples = segments.new_zeros(batch, time, hop)
    envelope = segments.new_zeros(batch, time, hop)
    for quarter in range(overlap):
        start = overlap - 1 - quarter
        part = slice(quarter * hop, (quarter + 1) * hop)
        samples = samples + segments[:, start : start + time, part]
        envelope = envelope + masks[:, start : start + time, None] * energy[part]
    return (samples / envelope.clamp(min=1e-8)).flatten(1), segments[:, time:], masks[:, time:]
