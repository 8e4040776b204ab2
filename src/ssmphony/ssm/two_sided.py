"""S4 and S4D over whole sequences, in both directions: ``forward(x, mask) -> y``.

One two-sided kernel and one convolution:

    ``y[l] = sum_{j <= l} k0[l-j] u[j] + sum_{j >= l} k1[j-l] u[j]``

the sum of a causal layer and of one that reads each row backwards (Goel et al. 2022, SaShiMi; theirs leaves lag 0 out
of k1, which a different skip makes equal). Nothing leaks from padding into a row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmphony.ssm.convolution import convolve, full_precision, spectral_convolve, spectrum, two_sided_lags
from ssmphony.ssm.kernel import StateSpaceKernel
from ssmphony.ssm.masking import check, hide
from ssmphony.ssm.output import GatedOutput
from ssmphony.ssm.spectra import Spectra, frozen


class TwoSidedStateSpace(nn.Module):
    """Two-sided S4 or S4D: whole sequences at once, not a streaming layer."""

    def __init__(self, forward_kernel: StateSpaceKernel, backward_kernel: StateSpaceKernel, dropout: float = 0.0):
        super().__init__()
        self.forward_kernel = forward_kernel
        self.backward_kernel = backward_kernel
        self.output = GatedOutput(forward_kernel.d_model, dropout)
        self._spectra = Spectra()

    def lags(self, length: int) -> Tensor:
        """Circle of lags (channel, 2 * length), see `convolution.toeplitz`; the skips meet at lag 0."""
        return two_sided_lags(self.forward_kernel.kernel(length), self.backward_kernel.kernel(length))

    def kernel(self, length: int) -> Tensor:
        """The two-sided kernel (channel, 2 * length - 1) at lags -(length - 1) … length - 1."""
        lags = self.lags(length)
        return torch.cat([lags[:, length + 1 :], lags[:, :length]], dim=-1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), mask (batch, time) bool, false = padding → (batch, time, channel)."""
        check(x, mask)
        u = hide(x, mask).permute(2, 0, 1)
        y = self._convolve(u)
        return self.output(y.permute(1, 2, 0).to(x.dtype))

    def _convolve(self, u: Tensor) -> Tensor:
        """u (channel, batch, time); the kernel's spectrum is kept while its parameters are frozen."""
        length = u.shape[-1]
        parameters = [*self.forward_kernel.parameters(), *self.backward_kernel.parameters()]
        if not frozen(parameters):
            return convolve(u, self.lags(length))
        with full_precision(u):
            factor = self._spectra.get(length, parameters, lambda: spectrum(self.lags(length)))
            return spectral_convolve(u.to(self.forward_kernel.dtype), factor)
