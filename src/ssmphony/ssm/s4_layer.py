"""The S4 / S4D layer: a state-space convolution per channel, then GELU and a gated linear that mixes channels."""

from __future__ import annotations

from typing import Literal, NamedTuple

from torch import Tensor, nn

from ssmphony.config import LayerConfig
from ssmphony.interfaces import SequenceLayer
from ssmphony.ssm.convolution import causal_lags, convolve
from ssmphony.ssm.kernel import StateSpaceKernel
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.output import GatedOutput
from ssmphony.ssm.s4 import S4Init, S4Kernel
from ssmphony.ssm.s4d import S4DInit, S4DKernel
from ssmphony.ssm.two_sided import TwoSidedStateSpace


class StateSpaceState(NamedTuple):
    """x: (batch, channel, d_state) float32, real parts of the conjugate pairs before imaginary parts."""

    x: Tensor


class StateSpaceMixer(SequenceLayer, nn.Module):
    """A causal S4 or S4D layer. Masked steps enter as zero; the state after padding at the end has decayed through it.

    After rows that end in padding, the returned state is that of a stream that continued with zeros, not of the last
    real step: trim the padding before you continue a row.
    """

    def __init__(self, kernel: StateSpaceKernel, dropout: float = 0.0) -> None:
        super().__init__()
        self.kernel = kernel
        self.output: nn.Module = GatedOutput(kernel.d_model, dropout)

    def initial_state(self, batch: int) -> StateSpaceState:
        return StateSpaceState(self.kernel.initial_state(batch))

    def forward(
        self, x: Tensor, state: StateSpaceState, mask: Tensor, reset: Tensor | None = None
    ) -> tuple[Tensor, StateSpaceState]:
        """x (batch, time, channel) with time ≥ 1, mask (batch, time) → (batch, time, channel) and the state."""
        check(x, mask, reset, state)
        y, last = self.kernel(hide(x, mask).permute(2, 0, 1), state.x.transpose(0, 1), reset)
        return self.output(y.permute(1, 2, 0).to(x.dtype)), StateSpaceState(last.transpose(0, 1))

    def whole(self, x: Tensor) -> Tensor:
        """Whole sequences (batch, time, channel) from a fresh state, without the state after them.

        By one FFT convolution: in training with several rows it takes half the time of `forward`.
        """
        u = x.permute(2, 0, 1)
        y = convolve(u, causal_lags(self.kernel.kernel(u.shape[-1])))
        return self.output(y.permute(1, 2, 0).to(x.dtype))


class S4Config(LayerConfig):
    """S4."""

    kind: Literal["s4"] = "s4"
    d_state: int = 64
    """States of each channel; counts both halves of the conjugate pairs."""
    n_ssm: int | None = None
    """Number of systems that the channels share; None for one per channel."""
    init: S4Init = "legs"
    """A HiPPO memory, of the whole past (legs) or of the last second in polynomials (legt) or waves (fout), or random
    systems. LegT has a low-rank term of two vectors, the others of one."""
    dropout: float = 0.0

    def build(self) -> StateSpaceMixer:
        return StateSpaceMixer(self.build_kernel(), self.dropout)

    def two_sided(self) -> TwoSidedStateSpace:
        return TwoSidedStateSpace(self.build_kernel(), self.build_kernel(), self.dropout)

    def build_kernel(self) -> S4Kernel:
        return S4Kernel(self.d_model, self.d_state, self.n_ssm, self.init)


class S4DConfig(LayerConfig):
    """S4D."""

    kind: Literal["s4d"] = "s4d"
    d_state: int = 64
    """States of each channel; counts both halves of the conjugate pairs."""
    init: S4DInit = "lin"
    """Evenly spaced frequencies (lin), their inverse law (inv), the normal part of HiPPO-LegS (legs), decays without
    oscillation (real), or random frequencies."""
    dropout: float = 0.0

    def build(self) -> StateSpaceMixer:
        return StateSpaceMixer(self.build_kernel(), self.dropout)

    def two_sided(self) -> TwoSidedStateSpace:
        return TwoSidedStateSpace(self.build_kernel(), self.build_kernel(), self.dropout)

    def build_kernel(self) -> S4DKernel:
        return S4DKernel(self.d_model, self.d_state, self.init)
