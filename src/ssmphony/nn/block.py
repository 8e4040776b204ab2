"""Pre-norm residual block: ``x + mixer(norm(x))``, then ``x + ffn(norm(x))``."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.interfaces import SequenceLayer, State
from ssmphony.ssm.reset import forget, taps


class FeedForward(nn.Module):
    """Linear → SwiGLU → Linear, step by step (Shazeer 2020)."""

    def __init__(self, d_model: int, d_inner: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, 2 * d_inner)
        self.down = nn.Linear(d_inner, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(…, channel) → (…, channel)."""
        value, gate = self.up(x).chunk(2, dim=-1)
        return self.down(self.dropout(value * F.silu(gate)))


class PlainFeedForward(nn.Module):
    """Linear → GELU → Linear, step by step, as in published models."""

    def __init__(self, d_model: int, d_inner: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.up = nn.Linear(d_model, d_inner)
        self.down = nn.Linear(d_inner, d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(…, channel) → (…, channel)."""
        return self.down(self.dropout(F.gelu(self.up(x))))


class BlockState(NamedTuple):
    """What a block keeps between steps."""

    mixer: State
    residual: Tensor
    """(batch, lookahead, channel): inputs for which the mixer's output is still to come."""


class Block(SequenceLayer, nn.Module):
    """Residual block around a streaming mixer; its lookahead is the mixer's, and the residual waits for it."""

    def __init__(self, d_model: int, mixer: SequenceLayer, d_ffn: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.d_model = d_model
        self.lookahead = mixer.lookahead
        self.norm = nn.LayerNorm(d_model)
        self.mixer = mixer
        self.dropout = nn.Dropout(dropout)
        self.ffn_norm = nn.LayerNorm(d_model) if d_ffn else nn.Identity()
        self.ffn: nn.Module | None = FeedForward(d_model, d_ffn, dropout) if d_ffn else None

    def initial_state(self, batch: int) -> BlockState:
        like = next(self.parameters())
        residual = torch.zeros(batch, self.lookahead, self.d_model, dtype=like.dtype, device=like.device)
        return BlockState(self.mixer.initial_state(batch), residual)

    def forward(
        self, x: Tensor, state: BlockState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, BlockState]:
        """x (batch, time, channel), mask (batch, time) → (batch, time, channel), undefined where masked."""
        y, mixer = self.mixer(self.norm(x), state.mixer, mask, reset)
        x, residual = delay(x, state.residual, reset)
        return finish(self, x, y), BlockState(mixer, residual)


class BidirectionalBlock(nn.Module):
    """Residual block around a two-sided mixer, ``mixer(x, mask) -> y``: whole sequences, ``forward(x, mask) -> y``."""

    def __init__(self, d_model: int, mixer: nn.Module, d_ffn: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(d_model)
        self.mixer = mixer
        self.dropout = nn.Dropout(dropout)
        self.ffn_norm = nn.LayerNorm(d_model) if d_ffn else nn.Identity()
        self.ffn = FeedForward(d_model, d_ffn, dropout) if d_ffn else None

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), mask (batch, time) → (batch, time, channel), undefined where masked."""
        return finish(self, x, self.mixer(self.norm(x), mask))


def finish(block: Block | BidirectionalBlock, x: Tensor, y: Tensor) -> Tensor:
    """Residual and feed-forward after the mixer's output ``y``."""
    x = x + block.dropout(y)
    if block.ffn is not None:
        x = x + block.dropout(block.ffn(block.ffn_norm(x)))
    return x


def delay(x: Tensor, waiting: Tensor, reset: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Push ``x`` (batch, time, …) through a queue of fixed length: what comes out, and the new queue."""
    if waiting.shape[1] == 0:
        return x, waiting
    joined = torch.cat([waiting.to(x.dtype), x], dim=1)
    return taps(joined, x.shape[1], reset)[0], forget(joined, reset)[:, x.shape[1] :]
