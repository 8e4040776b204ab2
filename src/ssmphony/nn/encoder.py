"""Blocks in a row that read whole sequences in both directions."""

from __future__ import annotations

from pydantic import model_validator
from torch import Tensor, nn

from ssmphony.nn.bidirectional import BidirectionalConfig
from ssmphony.nn.block import BidirectionalBlock
from ssmphony.nn.stack import PatternConfig


class Encoder(nn.ModuleList):
    """`BidirectionalBlock`s one after another, a list of them and nothing else; not a streaming layer."""

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), mask (batch, time) bool → (batch, time, channel), undefined where masked."""
        for block in self:
            x = block(x, mask)
        return x


class EncoderConfig(PatternConfig):
    """A pattern of mixers as in a stack, each of them in both directions: ``mixers: [mamba2, s4]``."""

    @model_validator(mode="after")
    def _none_looks_ahead(self) -> EncoderConfig:
        if any(getattr(mixer, "lookahead", 0) for mixer in self.mixers):
            raise ValueError("a mixer that is run in both directions sees the future already: leave its lookahead out")
        return self

    def build(self) -> Encoder:
        mixers = (BidirectionalConfig(mixer=self.mixer(index)).build() for index in range(self.n_layers))
        return Encoder(BidirectionalBlock(self.d_model, mixer, self.d_ffn, self.dropout) for mixer in mixers)
