"""A discrete linear system with a full transition matrix, in blocks of steps by doubled Krylov powers.

The form of last resort in PyTorch operations: any device and precision, and differentiable twice.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import torch
from torch import Tensor

from ssmphony.ssm.blocks import BlockMatrices, run_blocks


class DenseSystem(NamedTuple):
    """``x[k] = abar x[k-1] + bbar u[k]``, ``y[k] = c . x[k] + skip u[k]`` for each channel.

    abar (channel, N, N); bbar and c (channel, N); skip (channel,).
    """

    abar: Tensor
    bbar: Tensor
    c: Tensor
    skip: Tensor

    def kernel(self, length: int) -> Tensor:
        """Impulse response (channel, length): ``K[T i + j] = (C Abar^(T i)) (Abar^j Bbar)``."""
        bits = (length - 1).bit_length()
        inner = 1 << bits // 2
        squares = _squares(self.abar, bits)
        right = _krylov(squares, self.bbar, inner)
        left = _krylov([power.transpose(1, 2) for power in squares[bits // 2 :]], self.c, -(-length // inner))
        kernel = torch.bmm(left.transpose(1, 2), right).flatten(1)
        return self._with_skip(kernel[:, :length])

    def block(self, length: int) -> BlockMatrices:
        """The matrices of ``length`` steps."""
        squares = _squares(self.abar, length.bit_length())
        right = _krylov(squares, self.bbar, length)
        turned = [power.transpose(1, 2) for power in squares]
        observe = _krylov(turned, torch.bmm(turned[0], self.c.unsqueeze(-1)).squeeze(-1), length)
        kernel = (self.c.unsqueeze(-1) * right).sum(1)
        reach = right.flip(-1).transpose(1, 2)
        return BlockMatrices(self._with_skip(kernel), reach, observe, _power(turned, length))

    def forward(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Any number of steps: u (channel, batch, length), state (channel, batch, N) → outputs and the last state."""
        return run_blocks(self, u, state)

    def leap(self, state: Tensor, steps: int) -> Tensor:
        """The state (channel, batch, N) after ``steps`` steps without input."""
        return torch.bmm(state, _power(_squares(self.abar.transpose(1, 2), steps.bit_length()), steps))

    def _with_skip(self, kernel: Tensor) -> Tensor:
        return torch.cat([kernel[:, :1] + self.skip.unsqueeze(-1), kernel[:, 1:]], dim=-1)


def _squares(matrix: Tensor, count: int) -> list[Tensor]:
    """``matrix^(2^k)`` for k < max(count, 1), each (channel, N, N)."""
    squares = [matrix]
    for _ in range(count - 1):
        squares.append(torch.bmm(squares[-1], squares[-1]))
    return squares


def _krylov(squares: list[Tensor], vector: Tensor, length: int) -> Tensor:
    """Columns ``matrix^j vector`` for j < length, (channel, N, length), doubled by one product with each square."""
    columns = vector.unsqueeze(-1)
    for power in squares:
        rest = length - columns.shape[-1]
        if rest <= 0:
            break
        columns = torch.cat([columns, torch.bmm(power, columns[..., :rest])], dim=-1)
    return columns


def _power(squares: list[Tensor], exponent: int) -> Tensor:
    """``matrix^exponent`` for exponent ≥ 1, from the squares that its binary digits name."""
    chosen = [power for digit, power in enumerate(squares) if exponent >> digit & 1]
    return functools.reduce(torch.bmm, chosen)


def rotation_matrix(re: Tensor, im: Tensor) -> Tensor:
    """The matrix (channel, N, N) that multiplies complex numbers by re + i im, (channel, N / 2) each."""
    re, im = torch.diag_embed(re), torch.diag_embed(im)
    return torch.cat([torch.cat([re, -im], dim=2), torch.cat([im, re], dim=2)], dim=1)
