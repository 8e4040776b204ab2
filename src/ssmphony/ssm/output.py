"""The output of an S4 layer, the only place where its channels mix."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class GatedOutput(nn.Module):
    """GELU → dropout → Linear(d, 2d) → GLU."""

    def __init__(self, d_model: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(d_model, 2 * d_model)
        self.dropout = nn.Dropout(dropout)

    def forward(self, y: Tensor) -> Tensor:
        """(…, channel) → (…, channel)."""
        return F.glu(self.linear(self.dropout(F.gelu(y))), dim=-1)
