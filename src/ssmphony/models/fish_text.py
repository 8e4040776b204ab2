"""How the frames of Fish on state spaces read the text: by durations, or by one attention that follows positions."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ssmphony.interfaces import State
from ssmphony.models.s4_spectrum import DurationPredictor
from ssmphony.nn import Block, sinusoids
from ssmphony.nn.cross_attention import UNSEEN
from ssmphony.ssm import S4DConfig

PLACE_FEATURES = 3
LONGEST_LOG = math.log(200.0)


class Reading(NamedTuple):
    """What frames read of the text: x (batch, time, channel); token (batch, time), where in it they are; last (batch,
    time) bool: nothing comes after the frame."""

    x: Tensor
    token: Tensor
    last: Tensor


class AlignedText(nn.Module):
    """Each frame reads the state of the one token that it speaks, and how far in it the frame is.

    A duration predictor says which that is, so that no token can be skipped, repeated or held.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.duration = DurationPredictor(d_model)
        self.enter = nn.Linear(d_model + PLACE_FEATURES, d_model)

    def ends(self, h: Tensor, mask: Tensor, speeds: Tensor | None, most: Tensor) -> Tensor:
        """The frame after each token's last, (batch, token) float: whole frames, at least one in all and at most
        ``most`` (batch,)."""
        frames = self.duration(h).exp() * mask
        if speeds is not None:
            frames = frames / speeds
        return torch.minimum(frames.cumsum(1).round().clamp(min=1.0), most[:, None].to(frames.dtype))

    def forward(self, h: Tensor, ends: Tensor, present: Tensor, position: Tensor) -> Reading:
        """h (batch, token, channel), ends and present (batch, token), position (batch, time) int: numbers of frames."""
        over = (ends[:, None] <= position[..., None]) & present[:, None]
        final = (present.sum(1, keepdim=True) - 1).clamp(min=0)
        token = torch.minimum(over.sum(-1), final)
        index = torch.arange(h.shape[1], device=h.device)
        here, before = index == token[..., None], index == token[..., None] - 1
        begin, end = ((ends[:, None] * chosen).sum(-1) for chosen in (before, here))
        elapsed, length = (position - begin).clamp(min=0.0), (end - begin).clamp(min=1.0)
        places = [((elapsed + 0.5) / length).clamp(max=1.0), elapsed.log1p() / LONGEST_LOG, length.log() / LONGEST_LOG]
        spoken = here.to(h.dtype) @ h
        x = self.enter(torch.cat([spoken, torch.stack(places, dim=-1).to(h.dtype)], dim=-1))
        total = (ends * present).amax(dim=1, keepdim=True)
        return Reading(x, token, position + 1 >= total)


class CrossText(nn.Module):
    """Attention in two steps, after Lina-Speech (Lemerle et al., arXiv 2410.23320): the first sees the text, but
    returns positions alone; a causal state-space layer follows them; the second looks up the text by position."""

    def __init__(self, d_model: int, n_heads: int, d_state: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm = nn.LayerNorm(d_model)
        self.query = nn.Linear(d_model, d_model, bias=False)
        self.keys_values = nn.Linear(d_model, 2 * d_model, bias=False)
        self.track = Block(d_model, S4DConfig(d_model=d_model, d_state=d_state).build())
        self.place = nn.Linear(d_model, d_model, bias=False)
        self.out = nn.Linear(d_model, d_model, bias=False)

    def initial_state(self, batch: int) -> State:
        return self.track.initial_state(batch)

    def memory(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """h (batch, token, channel) → keys (batch, head, token, channel / head) and values (batch, 1, token,
        channel)."""
        positions = sinusoids(torch.arange(h.shape[1], device=h.device), h.shape[2])
        keys, values = self.keys_values(h + positions).chunk(2, dim=-1)
        return keys.unflatten(-1, (self.n_heads, -1)).transpose(1, 2), values[:, None]

    def forward(
        self, x: Tensor, mask: Tensor, keys: Tensor, values: Tensor, present: Tensor, state: State
    ) -> tuple[Tensor, Tensor, State]:
        """x (batch, time, channel), mask (batch, time), present (batch, token) → (batch, time, channel), the weights of
        the second attention (batch, time, token), and the state."""
        positions = sinusoids(torch.arange(keys.shape[2], device=x.device), x.shape[2])
        q = self.query(self.norm(x)).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
        seen = (q @ keys.transpose(-1, -2) / math.sqrt(q.shape[-1])).masked_fill(~present[:, None, None], UNSEEN)
        expected = seen.float().softmax(dim=-1).mean(1) @ positions
        followed, state = self.track.forward(expected.to(x.dtype), state, mask)
        scores = self.place(followed) @ positions.T / math.sqrt(x.shape[2])
        weights = scores.masked_fill(~present[:, None], UNSEEN).float().softmax(dim=-1)
        return self.out(weights.to(values.dtype) @ values[:, 0]), weights, state


def packed_to_the_right(x: Tensor, mask: Tensor, length: int) -> tuple[Tensor, Tensor]:
    """Rows that end in padding, moved so that they begin with it: a causal layer then ends on the last real step.

    x (batch, time, channel), mask (batch, time) → (batch, length, channel) and (batch, length); no row has more steps.
    """
    count = mask.sum(1, keepdim=True)
    index = torch.arange(length, device=x.device) - (length - count)
    real = index >= 0
    moved = x.gather(1, index.clamp(min=0)[..., None].expand(-1, -1, x.shape[2]))
    return moved * real[..., None], real
