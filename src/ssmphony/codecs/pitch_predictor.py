"""The pitch of frames, read off the frames themselves: what a source-filter codec needs where nobody gives it."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.nn.conv import LookaheadConv
from ssmphony.nn.convnext import ConvNeXtStack, ConvNeXtState

LOWEST_HZ, HIGHEST_HZ = 50.0, 800.0
KERNEL, DEPTH = 3, 2


class PitchState(NamedTuple):
    """mask: (batch, 1), whether the step inside the first convolution exists; context, stack: of the layers."""

    mask: Tensor
    context: Tensor
    stack: ConvNeXtState


class PitchPredictor(nn.Module):
    """A convolution and two ConvNeXt blocks, each of which sees one frame of the future."""

    def __init__(self, d_in: int, dim: int) -> None:
        super().__init__()
        self.embed = LookaheadConv(d_in, dim, KERNEL, 1)
        self.stack = ConvNeXtStack(dim, 2 * dim, KERNEL, DEPTH, scale=0.5)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 2)
        self.lookahead = self.embed.lookahead + self.stack.lookahead

    def initial_state(self, batch: int) -> PitchState:
        context = self.embed.initial_context(batch)
        return PitchState(context.new_zeros(batch, 1, dtype=torch.bool), context, self.stack.initial_state(batch))

    def forward(self, x: Tensor, mask: Tensor, state: PitchState) -> tuple[Tensor, Tensor, PitchState]:
        """x (batch, time, d_in), zero where mask (batch, time) is false → pitch in Hz, also where there is none, and
        log odds of voicing, both (batch, time) and late by ``lookahead``, and the state."""
        y, _, context = self.embed(x, state.context)
        masks = torch.cat([state.mask, mask], dim=1)
        present = masks[:, :-1]
        y, stack = self.stack.forward(y, state.stack, present)
        level, voicing = self.head(self.norm(y)).unbind(-1)
        pitch = LOWEST_HZ * torch.exp2(math.log2(HIGHEST_HZ / LOWEST_HZ) * torch.sigmoid(level.float()))
        return pitch, voicing.float(), PitchState(masks[:, -1:], context, stack)

    def whole(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Whole utterances (batch, time, d_in): pitch and voicing (batch, time)."""
        batch, time, _ = x.shape
        mask = torch.arange(time + self.lookahead, device=x.device).expand(batch, -1) < time
        padded = F.pad(x, (0, 0, 0, self.lookahead))
        pitch, voicing, _ = self.forward(padded, mask, self.initial_state(batch))
        return pitch[:, self.lookahead :], voicing[:, self.lookahead :]


def voiced_pitch(pitch: Tensor, voicing: Tensor) -> Tensor:
    """Hz where there is a pitch, 0 elsewhere."""
    return torch.where(voicing > 0.0, pitch, 0.0)
