"""Causal S4D layers for export: blocks of a fixed number of steps, everything that depends on parameters a constant.

With ``z = exp(dt a)`` and the state divided by the factor of the input (``s = x / b``), a block of T inputs is

    y[j] = sum_{i <= j} k[j-i] u[i] + Re(2 c b z  z^j  s)
    s'   = z^T s + sum_i z^i u[T-1-i]

so one table of the powers ``z^0 … z^(T-1)`` serves both what the state adds to the outputs and what the inputs add to
the state. The Toeplitz matrix of k is gathered from its T values when the graph is loaded: the file holds a quarter of
the general block matrices of `ssm.kernel`, and loading it computes nothing large.
"""

from __future__ import annotations

import copy
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.export.fixed import with_replaced
from ssmphony.export.offset import OffsetState
from ssmphony.interfaces import SequenceLayer
from ssmphony.nn.learned_state import LearnedState
from ssmphony.ssm.masking import hide
from ssmphony.ssm.s4_layer import StateSpaceMixer, StateSpaceState
from ssmphony.ssm.s4d import S4DKernel


class DiagonalProduct(nn.Module):
    """Multiply states, real parts before imaginary parts, by one complex number each."""

    straight: Tensor
    crossed: Tensor

    def __init__(self, factors: Tensor, conjugate: bool = False) -> None:
        """factors (channel, n) complex; ``conjugate`` returns the conjugate of the product."""
        super().__init__()
        sign = -1.0 if conjugate else 1.0
        self.register_buffer("straight", torch.cat([factors.real, sign * factors.real], dim=1).float())
        self.register_buffer("crossed", torch.cat([-factors.imag, sign * factors.imag], dim=1).float())

    def forward(self, state: Tensor) -> Tensor:
        """(batch, channel, 2 n) → (batch, channel, 2 n)."""
        re, im = state.chunk(2, dim=-1)
        return state * self.straight + torch.cat([im, re], dim=-1) * self.crossed


class FixedBlockMixer(SequenceLayer, nn.Module):
    """A `StateSpaceMixer` over S4D that takes exactly ``steps`` steps a call. Its state is scaled: see above."""

    kernel: Tensor
    lags: Tensor
    powers: Tensor

    def __init__(self, mixer: StateSpaceMixer, steps: int) -> None:
        super().__init__()
        kernel = copy.deepcopy(mixer.kernel).double()
        if not isinstance(kernel, S4DKernel):
            raise TypeError(f"only the powers of S4D are diagonal, not those of {type(kernel).__name__}")
        with torch.no_grad():
            block = kernel.block(steps)
        n = kernel.d_state // 2
        reach = torch.complex(block.reach[..., :n], block.reach[..., n:]).flip(1)  # b z^i
        b = reach[:, :1]
        powers = reach / b
        doubled_cz = torch.complex(block.observe[:, :n, 0], -block.observe[:, n:, 0])
        z_re, z_im = (block.power[:, :n, part].diagonal(dim1=1, dim2=2) for part in (slice(0, n), slice(n, 2 * n)))
        self.d_model, self.d_state, self.steps = kernel.d_model, kernel.d_state, steps
        step = torch.arange(steps)
        self.register_buffer("lags", step - step[:, None] + steps - 1)
        before = torch.zeros(kernel.d_model, steps - 1)
        self.register_buffer("kernel", torch.cat([before, block.kernel.float()], dim=1))
        self.register_buffer("powers", torch.cat([powers.real, powers.imag], dim=2).float())
        self.leap = DiagonalProduct(torch.complex(z_re, z_im))
        self.observe = DiagonalProduct(doubled_cz * b[:, 0], conjugate=True)
        self.output = mixer.output
        self.unscale = DiagonalProduct(1.0 / b[:, 0])

    def scaled(self, state: Tensor) -> Tensor:
        """A state of the `StateSpaceMixer`, (batch, channel, d_state), as one of this layer."""
        return self.unscale(state)

    def initial_state(self, batch: int) -> StateSpaceState:
        return StateSpaceState(self.powers.new_zeros(batch, self.d_model, self.d_state))

    def forward(
        self, x: Tensor, state: StateSpaceState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, StateSpaceState]:
        """x (batch, steps, channel), mask (batch, steps) → (batch, steps, channel) and the state."""
        if reset is not None:
            raise ValueError("a layer fixed for export takes no resets")
        u = hide(x, mask).transpose(1, 2)
        weights = torch.cat([self.kernel[:, self.lags], self.powers.transpose(1, 2)], dim=1)
        y = _product(torch.cat([u, self.observe(state.x)], dim=2), weights)
        new = self.leap(state.x) + _product(u.flip(2), self.powers)
        return self.output(y.transpose(1, 2)), StateSpaceState(new)


def _product(rows: Tensor, weights: Tensor) -> Tensor:
    """rows (batch, channel, n), weights (channel, n, m) → (batch, channel, m): a matrix for each channel.

    As a convolution of one step with a group for each channel, which computes every row by itself: matrix libraries
    compute several rows by another kernel than one, which adds up in another order, and a stream would not sound
    the same to the last bit in a batch as alone.
    """
    batch, (channel, n, m) = rows.shape[0], weights.shape
    filters = weights.transpose(1, 2).reshape(channel * m, n, 1)
    return F.conv1d(rows.reshape(batch, channel * n, 1), filters, groups=channel).reshape(batch, channel, m)


@runtime_checkable
class HasFixedBlock(Protocol):
    """A layer that has a form of its own for export; any module that has the method is one."""

    def fixed_block(self, steps: int) -> nn.Module:
        """What stands in for the layer in a graph that takes ``steps`` steps a call."""
        ...


def fixed_blocks(module: nn.Module, steps: int) -> nn.Module:
    """A copy of ``module`` for export, where every S4D layer takes blocks of ``steps`` steps."""

    def replacement(layer: nn.Module) -> nn.Module:
        if isinstance(layer, StateSpaceMixer) and isinstance(layer.kernel, S4DKernel):
            return FixedBlockMixer(layer, steps)
        if isinstance(layer, LearnedState):
            inner = replacement(layer.layer)
            if isinstance(inner, FixedBlockMixer):
                return OffsetState(inner, [inner.scaled(layer.first[0])])
        return layer.fixed_block(steps) if isinstance(layer, HasFixedBlock) else layer

    # the layer in a `LearnedState` is replaced together with its first state
    return with_replaced(copy.deepcopy(module), replacement, kept=(LearnedState,))
