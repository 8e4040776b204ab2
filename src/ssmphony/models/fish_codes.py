"""The codes inside a frame of Fish on state spaces: all at once, or one after another by a small stack."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ssmphony.interfaces import State
from ssmphony.nn import StackConfig

CODE_STD = 0.3
"""Standard deviation of embeddings before training."""


class CodeEmbedding(nn.Module):
    """The sum of a frame's codes, each in the table of its codebook; none for a code that is not there yet."""

    def __init__(self, codebooks: Sequence[int], d_model: int) -> None:
        super().__init__()
        self.scale = len(codebooks) ** -0.5
        self.tables = nn.ModuleList(_table(size, d_model) for size in codebooks)

    def forward(self, frames: Tensor) -> Tensor:
        """frames (…, codebook) int, `NO_CODE` where there is none → (…, d_model)."""
        codes = zip(self.tables, frames.unbind(-1), strict=True)
        parts = [table(code.clamp(min=0)) * (code >= 0)[..., None] for table, code in codes]
        return self.scale * torch.stack(parts).sum(0)


class DepthStack(nn.Module):
    """The codes after the first, each from those before it in its frame: a small stack whose state begins anew at every
    frame, as the fast transformer of Fish Speech (arXiv 2411.01156) does."""

    def __init__(self, codebooks: Sequence[int], d_model: int, config: StackConfig) -> None:
        super().__init__()
        self.enter = nn.Linear(d_model, config.d_model)
        self.code_tables = nn.ModuleList(_table(size, config.d_model) for size in codebooks[:-1])
        self.place = _table(len(codebooks) - 1, config.d_model)
        self.stack = config.build()
        self.norm = nn.LayerNorm(config.d_model)
        self.head = nn.Linear(config.d_model, max(codebooks))

    def initial_state(self, batch: int) -> State:
        return self.stack.initial_state(batch)

    def whole(self, hidden: Tensor, codes: Tensor) -> Tensor:
        """hidden (n, d_model) and the true codes (n, codebook) of frames → logits (n, codebook - 1, largest size)."""
        before = [table(codes[:, k].clamp(min=0)) for k, table in enumerate(self.code_tables)]
        x = torch.stack(before, dim=1) + self.enter(hidden)[:, None] + self.place.weight
        mask = torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        y, _ = self.stack.forward(x, self.initial_state(len(x)), mask)
        return self.head(self.norm(y))

    def step(self, hidden: Tensor, code: Tensor, codebook: Tensor, state: State) -> tuple[Tensor, State]:
        """One code on: hidden (batch, d_model), code (batch,) of codebook - 1 → logits of codebook (batch,)."""
        before = torch.stack([table(code.clamp(max=len(table.weight) - 1)) for table in self._tables()], dim=1)
        chosen = torch.arange(before.shape[1], device=code.device) == (codebook - 1)[:, None]
        x = (before * chosen[..., None]).sum(1) + self.enter(hidden) + self.place(codebook - 1)
        mask = torch.ones_like(code, dtype=torch.bool)[:, None]
        y, state = self.stack.forward(x[:, None], state, mask)
        return self.head(self.norm(y[:, 0])), state

    def _tables(self) -> list[nn.Embedding]:
        return [table for table in self.code_tables if isinstance(table, nn.Embedding)]


def _table(size: int, width: int) -> nn.Embedding:
    table = nn.Embedding(size, width)
    nn.init.normal_(table.weight, std=CODE_STD)
    return table
