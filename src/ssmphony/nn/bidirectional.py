"""Layers that read whole sequences in both directions (a text encoder): ``forward(x, mask) -> y``.

A layer may have a two-sided form of its own (`LayerConfig.two_sided`): S4 and S4D have one convolution, attention sees
all steps. Other layers are two, the second over each row reversed within its own length (Vision Mamba, Zhu et al. 2024,
arXiv 2401.09417). Nothing leaks from padding into a row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmphony.config import Config
from ssmphony.interfaces import SequenceLayer
from ssmphony.nn.layers import Mixer
from ssmphony.ssm.masking import check


class Bidirectional(nn.Module):
    """The sum of a causal layer and of another one that reads each row from its last real step back to its first."""

    def __init__(self, forward_layer: SequenceLayer, backward_layer: SequenceLayer) -> None:
        super().__init__()
        if forward_layer.lookahead or backward_layer.lookahead:
            raise ValueError(
                "a layer that looks ahead cannot be run in both directions: it would need input from after the end"
            )
        self.forward_layer = forward_layer
        self.backward_layer = backward_layer

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), mask (batch, time) bool, false = padding at the end → (batch, time, channel)."""
        check(x, mask)
        order = reversal(mask).unsqueeze(-1).expand_as(x)
        ahead, _ = self.forward_layer(x, self.forward_layer.initial_state(x.shape[0]), mask)
        start = self.backward_layer.initial_state(x.shape[0])
        back, _ = self.backward_layer(x.gather(1, order), start, mask)
        return ahead + back.gather(1, order)


def reversal(mask: Tensor) -> Tensor:
    """(batch, time) → for each step the index of the one it is swapped with; padding after the real steps stays."""
    step = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - step, step)


class BidirectionalConfig(Config):
    """Two independent mixers of one kind, one per direction."""

    mixer: Mixer

    def build(self) -> nn.Module:
        two_sided = self.mixer.two_sided()
        return Bidirectional(self.mixer.build(), self.mixer.build()) if two_sided is None else two_sided
