"""Layers that read whole sequences in both directions (a text encoder): ``forward(x, mask) -> y``.

S4 and S4D have one two-sided kernel and one convolution:

    ``y[l] = sum_{j <= l} k0[l-j] u[j] + sum_{j >= l} k1[j-l] u[j]``

the sum of a causal layer and of one that reads each row backwards (Goel et al. 2022, SaShiMi; theirs leaves lag 0 out
of k1, which a different skip makes equal). Other mixers are two layers, the second over each row reversed within its
own length (Vision Mamba, Zhu et al. 2024, arXiv 2401.09417). Nothing leaks from padding into a row.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmphony.config import Config
from ssmphony.interfaces import SequenceLayer
from ssmphony.nn.attention import AttentionConfig
from ssmphony.nn.full_attention import FullAttention
from ssmphony.nn.layers import Mixer
from ssmphony.ssm.convolution import convolve, full_precision, spectral_convolve, spectrum, two_sided_lags
from ssmphony.ssm.kernel import StateSpaceKernel
from ssmphony.ssm.masking import hide, require_steps
from ssmphony.ssm.s4_layer import GatedOutput, S4Config, S4DConfig
from ssmphony.ssm.spectra import Spectra, frozen


class Bidirectional(nn.Module):
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
        require_steps(x)
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


class BothWays(nn.Module):
    """The sum of a causal layer and of another one that reads each row from its last real step back to its first."""

    def __init__(self, forward_layer: SequenceLayer, backward_layer: SequenceLayer) -> None:
        super().__init__()
        if forward_layer.lookahead or backward_layer.lookahead:
            raise ValueError("a layer that looks ahead cannot be run both ways: it would have to be fed behind the end")
        self.forward_layer = forward_layer
        self.backward_layer = backward_layer

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), mask (batch, time) bool, false = padding at the end → (batch, time, channel)."""
        require_steps(x)
        order = reversal(mask).unsqueeze(-1).expand_as(x)
        ahead, _ = self.forward_layer.forward(x, self.forward_layer.initial_state(x.shape[0]), mask)
        start = self.backward_layer.initial_state(x.shape[0])
        back, _ = self.backward_layer.forward(x.gather(1, order), start, mask)
        return ahead + back.gather(1, order)


def reversal(mask: Tensor) -> Tensor:
    """(batch, time) → for each step the one it changes places with; padding behind the real steps stays where it is."""
    step = torch.arange(mask.shape[1], device=mask.device)
    return torch.where(mask, mask.sum(1, keepdim=True) - 1 - step, step)


class BidirectionalConfig(Config):
    """Two independent mixers of one kind, one per direction; attention reads all steps at once, without its window."""

    mixer: Mixer

    def build(self) -> Bidirectional | BothWays | FullAttention:
        mixer = self.mixer
        if isinstance(mixer, AttentionConfig):
            return FullAttention(mixer.d_model, mixer.n_heads)
        if isinstance(mixer, S4Config | S4DConfig):
            return Bidirectional(mixer.build_kernel(), mixer.build_kernel(), dropout=mixer.dropout)
        return BothWays(mixer.build(), mixer.build())
