"""ConvNeXt over time (Liu et al., *A ConvNet for the 2020s*, arXiv 2201.03545), as in Vocos (arXiv 2306.00814)."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.interfaces import SequenceLayer
from ssmphony.nn.conv import LookaheadConv
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.s4_layer import S4DConfig, StateSpaceState


class _FeedForwardBlock(nn.Module):
    """What both kinds of blocks do after they have mixed the steps: LayerNorm, feed-forward with GELU, layer scale."""

    def _add_feed_forward(self, dim: int, hidden: int, scale: float) -> None:
        """Called after the mixer is built: optimisers store their state in the order of the parameters."""
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.pwconv1 = nn.Linear(dim, hidden)
        self.pwconv2 = nn.Linear(hidden, dim)
        self.gamma = nn.Parameter(torch.full((dim,), scale))
        for linear in (self.pwconv1, self.pwconv2):
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)

    def _feed_forward(self, y: Tensor) -> Tensor:
        return self.gamma * self.pwconv2(F.gelu(self.pwconv1(self.norm(y))))


class ConvNeXtBlock(_FeedForwardBlock):
    """Depthwise convolution, LayerNorm, feed-forward with GELU, layer scale, residual; streams by its context."""

    def __init__(self, dim: int, hidden: int, kernel_size: int = 7, lookahead: int = 3, scale: float = 1.0) -> None:
        """Build a block.

        Args:
            dim: Channels of input and output.
            hidden: Width of the feed-forward.
            kernel_size: Taps of the convolution.
            lookahead: Taps on future steps; the output is delayed by as many steps.
            scale: First layer scale; with n blocks in a row, 1 / n.
        """
        super().__init__()
        self.lookahead = lookahead
        self.dwconv = LookaheadConv(dim, dim, kernel_size, lookahead, groups=dim)
        self._add_feed_forward(dim, hidden, scale)

    def initial_context(self, batch: int) -> Tensor:
        """Zeros (batch, kernel_size - 1, dim)."""
        return self.dwconv.initial_context(batch)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, time, dim), context (batch, kernel_size - 1, dim) → the same shapes.

        ``mask`` (batch, time, 1) is that of the output steps: absent ones stay exactly zero.
        """
        y, residual, context = self.dwconv(x, context)
        return (residual + self._feed_forward(y)) * mask, context


class StateSpaceNeXtBlock(_FeedForwardBlock):
    """`ConvNeXtBlock` with an S4D convolution, one system per channel, in place of the short one: it has a long memory,
    and looks at no future step. Its context is the state of these systems."""

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
        self._add_feed_forward(dim, hidden, scale)

    def initial_context(self, batch: int) -> Tensor:
        """Zeros (batch, dim, d_state)."""
        return self.mixer.initial_state(batch).x

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (batch, time, dim), context (batch, dim, d_state), mask (batch, time, 1) → as `ConvNeXtBlock`."""
        y, state = self.mixer(x, StateSpaceState(context), mask[..., 0])
        return (x + self._feed_forward(y)) * mask, state.x


class ConvNeXtState(NamedTuple):
    """mask: (batch, lookahead) bool, which of the steps still inside exist; contexts: of each block."""

    mask: Tensor
    contexts: tuple[Tensor, ...]


class ConvNeXtStack(SequenceLayer, nn.Module):
    """``depth`` blocks in a row, each looking half a kernel ahead: zero-padded, symmetric convolutions in one shot."""

    def __init__(self, dim: int, hidden: int, kernel_size: int, depth: int, scale: float = 0.125) -> None:
        super().__init__()
        ahead = kernel_size // 2
        self.lookahead = depth * ahead
        self.blocks = nn.ModuleList(ConvNeXtBlock(dim, hidden, kernel_size, ahead, scale) for _ in range(depth))

    def initial_state(self, batch: int) -> ConvNeXtState:
        contexts = tuple(block.initial_context(batch) for block in self._blocks())
        return ConvNeXtState(contexts[0].new_zeros(batch, self.lookahead, dtype=torch.bool), contexts)

    def forward(
        self, x: Tensor, state: ConvNeXtState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, ConvNeXtState]:
        """x (batch, time, dim), mask (batch, time) → the same shape, delayed by ``lookahead``, and the state.

        Raises:
            ValueError: For packed sequences (``reset``).
        """
        if reset is not None:
            raise ValueError("ConvNeXtStack takes no packed sequences: give it one row for each")
        check(x, mask)
        time, x = x.shape[1], hide(x, mask)
        masks, start = torch.cat([state.mask, mask], dim=1), self.lookahead
        contexts: list[Tensor] = []
        for block, context in zip(self._blocks(), state.contexts, strict=True):
            start -= block.lookahead
            x, context = block(x, context, masks[:, start : start + time, None])
            contexts.append(context)
        return x, ConvNeXtState(masks[:, time:], tuple(contexts))

    def whole(self, x: Tensor, mask: Tensor) -> Tensor:
        """Whole sequences, (batch, time, dim) aligned with x."""
        padded, present = F.pad(x, (0, 0, 0, self.lookahead)), F.pad(mask, (0, self.lookahead))
        return self(padded, self.initial_state(x.shape[0]), present)[0][:, self.lookahead :]

    def _blocks(self) -> list[ConvNeXtBlock]:
        return cast("list[ConvNeXtBlock]", list(self.blocks))
