"""The pitch of frames, read off the frames themselves: what a source-filter codec needs where nobody gives it.

As in CREPE (Kim et al., arXiv 1802.06182) the pitch is one of many bins, and the mean of those around the likeliest.
"""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.nn.conv import LookaheadConv
from ssmphony.nn.convnext import ConvNeXtBlock

LOWEST_HZ, HIGHEST_HZ = 50.0, 800.0
BINS = 64
"""Of equal width in octaves, about three quarters of a semitone."""
AROUND = 3
"""Bins to either side of the likeliest that count."""
KERNEL, LOOKAHEAD, DEPTH = 7, 1, 3


class PitchScores(NamedTuple):
    """bins: (batch, time, `BINS`), log odds of each pitch; voicing: (batch, time), log odds that there is one."""

    bins: Tensor
    voicing: Tensor

    def hertz(self) -> Tensor:
        """The likeliest pitch (batch, time), 0 where unvoiced."""
        shares = self.bins.softmax(dim=-1)
        number = torch.arange(BINS, device=shares.device)
        near = (number - shares.argmax(dim=-1, keepdim=True)).abs() <= AROUND
        shares = shares * near
        octaves = (shares * number).sum(dim=-1) / shares.sum(dim=-1) * _octaves_per_bin()
        return torch.where(self.voicing > 0.0, LOWEST_HZ * torch.exp2(octaves), 0.0)

    def losses(self, pitch: Tensor) -> dict[str, Tensor]:
        """Cross-entropies; pitch (batch, time) is the true one in Hz, 0 where unvoiced."""
        voiced = pitch > 0
        place = (pitch.clamp(LOWEST_HZ, HIGHEST_HZ) / LOWEST_HZ).log2() / _octaves_per_bin()
        number = torch.arange(BINS, device=pitch.device)
        target = torch.softmax(-0.5 * (place[..., None] - number).square(), dim=-1)
        missed = -(target * self.bins.log_softmax(dim=-1)).sum(dim=-1)
        return {
            "pitch": (missed * voiced).sum() / voiced.sum().clamp(min=1),
            "voicing": F.binary_cross_entropy_with_logits(self.voicing, voiced.float()),
        }


class PitchState(NamedTuple):
    """mask: (batch, lookahead), which of the steps inside exist; contexts: of each convolution."""

    mask: Tensor
    contexts: tuple[Tensor, ...]


class PitchPredictor(nn.Module):
    """A convolution and three ConvNeXt blocks, each of which sees one frame of the future and more of the past."""

    def __init__(self, d_in: int, dim: int) -> None:
        super().__init__()
        self.embed = LookaheadConv(d_in, dim, KERNEL, LOOKAHEAD)
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, 2 * dim, KERNEL, LOOKAHEAD, 1.0 / DEPTH) for _ in range(DEPTH))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, BINS + 1)
        self.lookahead = LOOKAHEAD * (DEPTH + 1)

    def initial_state(self, batch: int) -> PitchState:
        contexts = tuple(layer.initial_context(batch) for layer in (self.embed, *self._blocks()))
        return PitchState(contexts[0].new_zeros(batch, self.lookahead, dtype=torch.bool), contexts)

    def forward(self, x: Tensor, mask: Tensor, state: PitchState) -> tuple[PitchScores, PitchState]:
        """x (batch, time, d_in), zero where mask (batch, time) is false → scores, late by ``lookahead``."""
        time, start = x.shape[1], self.lookahead - LOOKAHEAD
        masks = torch.cat([state.mask, mask], dim=1)
        x, _, context = self.embed(x, state.contexts[0])
        x, kept = x * masks[:, start : start + time, None], [context]
        for block, context in zip(self._blocks(), state.contexts[1:], strict=True):
            start -= LOOKAHEAD
            x, context = block(x, context, masks[:, start : start + time, None])
            kept.append(context)
        scores = self.head(self.norm(x)).float()
        return PitchScores(scores[..., :BINS], scores[..., BINS]), PitchState(masks[:, time:], tuple(kept))

    def whole(self, x: Tensor) -> PitchScores:
        """Whole utterances (batch, time, d_in)."""
        batch, time, _ = x.shape
        mask = torch.arange(time + self.lookahead, device=x.device).expand(batch, -1) < time
        scores, _ = self.forward(F.pad(x, (0, 0, 0, self.lookahead)), mask, self.initial_state(batch))
        return PitchScores(*(part[:, self.lookahead :] for part in scores))

    def _blocks(self) -> list[ConvNeXtBlock]:
        return cast("list[ConvNeXtBlock]", list(self.blocks))


def _octaves_per_bin() -> float:
    return math.log2(HIGHEST_HZ / LOWEST_HZ) / (BINS - 1)
