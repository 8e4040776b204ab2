"""A classifier of short clips, such as spoken digits: a small network over log-mel, trained in minutes on a CPU.

It judges generated clips, so it is trained on real ones of other speakers than those whom it is tested on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.arrays import Floats
from ssmphony.audio.mel import log_mel
from ssmphony.types import MelFormat, Samples

BANDS = 40
FLOOR = -9.0
"""Of log-mel: below it is silence."""
WIDTH = 96
"""Features of a clip."""


class Heard(NamedTuple):
    """probabilities (clip, class) and features (clip, `WIDTH`)."""

    probabilities: Floats
    features: Floats


class ClipClassifier(nn.Module):
    """Three convolutions over 8 ms frames, their mean over time, and a linear layer."""

    def __init__(self, classes: int, sample_rate: int) -> None:
        super().__init__()
        hop = sample_rate // 125
        n_fft = 1 << (3 * hop - 1).bit_length()
        self.format = MelFormat(sample_rate, n_fft, hop, BANDS, 0.0, sample_rate / 2)
        widths = (BANDS, 64, WIDTH, WIDTH)
        self.convs = nn.ModuleList(
            nn.Conv1d(before, after, 5, stride=1 + (place > 0), padding=2)
            for place, (before, after) in enumerate(zip(widths, widths[1:], strict=False))
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in widths[1:])
        self.head = nn.Linear(WIDTH, classes)

    def mels(self, clips: Sequence[Samples]) -> Tensor:
        """Clips (n,) of any length → (clip, frame, band), silence at the end."""
        found = [np.maximum(log_mel(clip, self.format), FLOOR) for clip in clips]
        frames = max(map(len, found))
        padded = [np.pad(mel, ((0, frames - len(mel)), (0, 0)), constant_values=FLOOR) for mel in found]
        return torch.from_numpy(np.stack(padded).astype(np.float32))

    def features(self, mels: Tensor) -> Tensor:
        """(clip, frame, band) → (clip, `WIDTH`)."""
        x = (mels - FLOOR).transpose(1, 2) / 6.0
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.gelu(norm(conv(x)))
        return x.mean(-1)

    def forward(self, mels: Tensor) -> Tensor:
        """(clip, frame, band) → logits (clip, class)."""
        return self.head(self.features(mels))

    @torch.inference_mode()
    def hear(self, clips: Sequence[Samples], size: int = 128) -> Heard:
        """Clips (n,) at the classifier's rate."""
        self.eval()
        features = torch.cat([self.features(self.mels(clips[i : i + size])) for i in range(0, len(clips), size)])
        return Heard(self.head(features).softmax(-1).numpy(), features.numpy())


def train_classifier(
    clips: Sequence[Samples],
    labels: Sequence[int],
    classes: int,
    sample_rate: int,
    *,
    steps: int = 600,
    size: int = 64,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> ClipClassifier:
    """A classifier of ``clips`` (n,) with ``labels`` from 0: clips are moved, and bands and frames are masked."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    network = ClipClassifier(classes, sample_rate)
    mels, targets = network.mels(clips), torch.tensor(labels)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    network.train()
    for step in range(steps):
        chosen = random.choice(len(clips), min(size, len(clips)), replace=False)
        loss = F.cross_entropy(network(_changed(mels[chosen], random)), targets[chosen], label_smoothing=0.05)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, steps)
    return network.eval()


def _changed(mels: Tensor, random: np.random.Generator) -> Tensor:
    """Louder or softer, later by up to 15 frames, with one stretch of bands and one of frames left out."""
    gain = torch.from_numpy(random.uniform(-1.0, 1.0, (len(mels), 1, 1)).astype(np.float32))
    changed = (mels + gain).clamp(min=FLOOR)
    changed = F.pad(changed, (0, 0, int(random.integers(16)), 0), value=FLOOR)
    for row in changed:
        band, frame = int(random.integers(BANDS - 5)), int(random.integers(max(1, row.shape[0] - 8)))
        row[:, band : band + int(random.integers(6))] = FLOOR
        row[frame : frame + int(random.integers(9))] = FLOOR
    return changed
