"""ConvNeXt over time (Liu et al., *A ConvNet for the 2020s*, arXiv 2201.03545), as in Vocos (arXiv 2306.00814)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.nn.conv import LookaheadConv
from ssmphony.ssm.s4_layer import S4DConfig, StateSpaceState


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, LayerNorm, feed-forward with GELU, layer scale, residual; streams by its context."""

    def __init__(self, dim: int, hidden: int, kernel_size: int = 7, lookahead: int = 3, scale: float = 1.0) -> None:
        """Build a block.

        Args:
            dim: Channels of input and output.
            hidden: Width of the feed-forward.
            kernel_size: Taps of the convolution.
            lookahead: Taps on future steps; the output is late by as many steps.
            scale: First layer scale; with n blocks in a row, 1 / n.
        """
        super().__init__()
        self.lookahead = lookahead
        self.dwconv = LookaheadConv(dim, dim, kernel_size, lookahead, groups=dim)
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, hidden)
        self.pwconv2 = nn.Linear(hidden, dim)
        self.gamma = nn.Parameter(torch.full((dim,), scale))
        for linear in (self.pwconv1, self.pwconv2):
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def initial_context(self, batch: int) -> Tensor:
        """Zeros (batch, kernel_size - 1, dim)."""
        return self.dwconv.initial_context(batch)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, time, dim), context (batch, kernel_size - 1, dim) → the same shapes.

        ``mask`` (batch, time, 1) is that of the output steps: absent ones stay exactly zero.
        """
        y, residual, context = self.dwconv(x, context)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(self.norm(y))))
        return (residual + y) * mask, context


class StateSpaceNeXtBlock(nn.Module):
    """`ConvNeXtBlock` with an S4D convolution, one system a channel, in place of the short one: it remembers, and looks
    at no future step. Its context is the state of these systems."""

    lookahead = 0

    def __init__(self, dim: int, hidden: int, d_state: int = 32, scale: float = 1.0) -> None:
        """Build a block.

        Args:
            dim: Channels of input and output.
            hidden: Width of the feed-forward.
            d_state: Of each channel's system, both halves of the pairs.
            scale: First layer scale; with n blocks in a row, 1 / n.
        """
        super().__init__()
        self.mixer = S4DConfig(d_model=dim, d_state=d_state).build()
        self.mixer.output = nn.Identity()  # channels meet in the feed-forward
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, hidden)
        self.pwconv2 = nn.Linear(hidden, dim)
        self.gamma = nn.Parameter(torch.full((dim,), scale))
        for linear in (self.pwconv1, self.pwconv2):
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def initial_context(self, batch: int) -> Tensor:
        """Zeros (batch, dim, d_state)."""
        return self.mixer.initial_state(batch).x

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, time, dim), context (batch, dim, d_state), mask (batch, time, 1) → as `ConvNeXtBlock`."""
        y, state = self.mixer.forward(x, StateSpaceState(context), mask[..., 0])
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(self.norm(y))))
        return (x + y) * mask, state.x
