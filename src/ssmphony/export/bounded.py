"""Causal S4D layers for export: any number of steps a call up to a bound, tables computed when the graph is loaded.

With ``z = exp(dt a)`` and the state divided by the factor of the input (``s = x / b``), T steps are

    y[j] = sum_{i <= j} k[j-i] u[i] + Re(g z^(j+1) s)          g = 2 b c,   k[m] = Re(g z^m)
    s'   = z^T s + sum_i z^i u[T-1-i]

The powers ``z^0 … z^most`` serve all of it. They depend on parameters alone, so that the file holds only z and g, and
ONNX Runtime computes the rest once.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.export.fixed_block import DiagonalProduct
from ssmphony.interfaces import SequenceLayer
from ssmphony.ssm.masking import hide
from ssmphony.ssm.s4_layer import StateSpaceMixer, StateSpaceState
from ssmphony.ssm.s4d import S4DKernel


class BoundedMixer(SequenceLayer, nn.Module):
    """A `StateSpaceMixer` over S4D that takes 1 to ``most`` steps a call. Its state is scaled: see above."""

    decay: Tensor
    angle: Tensor
    weights: Tensor
    skip: Tensor

    def __init__(self, mixer: StateSpaceMixer, most: int) -> None:
        super().__init__()
        kernel = copy.deepcopy(mixer.kernel).double()
        if not isinstance(kernel, S4DKernel):
            raise TypeError(f"only the powers of S4D are diagonal, not those of {type(kernel).__name__}")
        with torch.no_grad():
            block = kernel.block(1)
        n = kernel.d_state // 2
        z = torch.complex(
            block.power[:, :n, :n].diagonal(dim1=1, dim2=2), block.power[:, :n, n:].diagonal(dim1=1, dim2=2)
        )
        b = torch.complex(block.reach[:, 0, :n], block.reach[:, 0, n:])
        g = torch.complex(block.observe[:, :n, 0], -block.observe[:, n:, 0]) / z * b
        self.most, self.d_model, self.d_state = most, kernel.d_model, kernel.d_state
        self.register_buffer("decay", z.abs().log().float())
        self.register_buffer("angle", z.angle().float())
        self.register_buffer("weights", torch.cat([g.real, -g.imag], dim=1).float())
        self.register_buffer("skip", kernel.skip.detach().float())
        self.observe = DiagonalProduct(g * z, conjugate=True)
        self.output = mixer.output

    def initial_state(self, batch: int) -> StateSpaceState:
        return StateSpaceState(self.decay.new_zeros(batch, self.d_model, self.d_state))

    def forward(
        self, x: Tensor, state: StateSpaceState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, StateSpaceState]:
        """x (batch, time, channel), mask (batch, time) → (batch, time, channel) and the state."""
        if reset is not None:
            raise ValueError("a layer bounded for export takes no resets")
        u, time = hide(x, mask).transpose(1, 2), x.shape[1]
        powers = self._powers()
        kernel = self.weights[:, None] @ powers
        y = F.conv1d(F.pad(u, (self.most, 0)), kernel.flip(-1), groups=self.d_model) + u * self.skip[:, None]
        # one row at a time, whatever the batch: rows of a batch equal rows alone to the last bit
        y = y + (self.observe(state.x)[:, :, None] @ powers)[..., 0, :time]
        leap = powers[:, :, time : time + 1].transpose(1, 2)[:, 0]
        added = (F.pad(u.flip(2), (0, self.most + 1 - time))[:, :, None] @ powers.transpose(1, 2))[:, :, 0]
        return self.output(y.transpose(1, 2)), StateSpaceState(_product(state.x, leap) + added)

    def _powers(self) -> Tensor:
        """z^0 … z^most, real before imaginary parts: (channel, d_state, most + 1)."""
        step = torch.arange(self.most + 1, device=self.decay.device)
        size = (self.decay[..., None] * step).exp()
        angle = self.angle[..., None] * step
        return torch.cat([size * angle.cos(), size * angle.sin()], dim=1)


def _product(states: Tensor, factors: Tensor) -> Tensor:
    """Complex products of states (batch, channel, 2 n) and factors (channel, 2 n), real before imaginary parts."""
    re, im = states.chunk(2, dim=-1)
    factor_re, factor_im = factors.chunk(2, dim=-1)
    return torch.cat([re * factor_re - im * factor_im, re * factor_im + im * factor_re], dim=-1)


def bounded(module: nn.Module, most: int) -> nn.Module:
    """A copy of ``module`` for export, where every S4D layer takes at most ``most`` steps."""
    module = copy.deepcopy(module)
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, StateSpaceMixer) and isinstance(child.kernel, S4DKernel):
                setattr(parent, name, BoundedMixer(child, most))
    return module
