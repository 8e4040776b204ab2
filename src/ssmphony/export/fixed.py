"""Two-sided layers with the kernel's spectrum as a constant, for export.

ONNX has no FFT that runtimes execute well, and a kernel built from parameters would be built again at each call.
With frozen parameters the two-sided convolution is two products with real DFT matrices around a product with a
constant spectrum: matrix products only, any length up to ``max_length``.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ssmphony.ssm.convolution import smooth_length
from ssmphony.ssm.masking import hide
from ssmphony.ssm.two_sided import TwoSidedStateSpace

STORED_LENGTH = 1024
"""Steps up to which a graph stores the matrix of its DFT (2 MB in halves). One of more steps computes it: references of
20 s, which are read once, would need 17 MB."""


class FourierBasis(nn.Module):
    """Real DFT as a matrix, shared by all layers: u (…, length) @ rows(length) → [Re, Im] of its spectrum.

    The matrix is (max_length, 2 F) with F = n / 2 + 1 and n ≥ 2 max_length. Its transpose is the inverse, for spectra
    that are multiplied by ``weight`` (F,).
    """

    analysis: Tensor | None
    weight: Tensor
    frequencies: Tensor

    def __init__(self, max_length: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.n = smooth_length(2 * max_length)
        frequencies = torch.arange(self.n // 2 + 1)
        self.register_buffer("frequencies", frequencies, persistent=False)
        weight = torch.full(frequencies.shape, 2.0 / self.n, dtype=torch.float64)
        weight[0] = weight[-1] = 1.0 / self.n
        self.register_buffer("weight", weight)
        stored = self._computed(max_length, torch.float64) if max_length <= STORED_LENGTH else None
        self.register_buffer("analysis", stored)

    def rows(self, length: int) -> Tensor:
        """The first ``length`` rows, float32."""
        return self._computed(length, torch.float32) if self.analysis is None else self.analysis[:length]

    def _computed(self, length: int, precision: torch.dtype) -> Tensor:
        # Reduce modulo n before scaling: the angle keeps all its digits.
        turns = torch.outer(torch.arange(length, device=self.frequencies.device), self.frequencies) % self.n
        angle = 2.0 * torch.pi / self.n * turns.to(precision)
        return torch.cat([angle.cos(), -angle.sin()], dim=1).float()


class FixedConvolution(nn.Module):
    """Convolution over time with a constant two-sided kernel; equals `convolution.fft_convolve`."""

    spectrum_re: Tensor
    spectrum_im: Tensor

    def __init__(self, lags: Tensor, basis: FourierBasis) -> None:
        """lags (channel, 2 * basis.max_length): circle of lags, see `convolution.toeplitz`."""
        super().__init__()
        length = basis.max_length
        if lags.shape[-1] != 2 * length:
            raise ValueError(f"expected {2 * length} lags for max_length {length}, got {lags.shape[-1]}")
        self.basis = basis
        circle = torch.zeros(lags.shape[0], basis.n, dtype=torch.float64)
        circle[:, :length] = lags[:, :length].detach()
        circle[:, basis.n - length :] = lags[:, length:].detach()
        spectrum = torch.fft.rfft(circle) * basis.weight
        self.register_buffer("spectrum_re", spectrum.real.float().contiguous())
        self.register_buffer("spectrum_im", spectrum.imag.float().contiguous())

    def forward(self, u: Tensor) -> Tensor:
        """(batch, time, channel) → (batch, time, channel), time ≤ max_length."""
        length = u.shape[1]
        if length > self.basis.max_length:
            raise ValueError(f"sequence of {length} steps, but this layer was fixed at {self.basis.max_length}")
        rows = self.basis.rows(length)
        re, im = (u.transpose(1, 2) @ rows).chunk(2, dim=-1)
        product_re = re * self.spectrum_re - im * self.spectrum_im
        product_im = re * self.spectrum_im + im * self.spectrum_re
        return (torch.cat([product_re, product_im], dim=-1) @ rows.T).transpose(1, 2)


class FixedTwoSided(nn.Module):
    """A `TwoSidedStateSpace` layer whose kernel is a constant."""

    def __init__(self, mixer: TwoSidedStateSpace, basis: FourierBasis) -> None:
        super().__init__()
        self.convolution = FixedConvolution(mixer.lags(basis.max_length), basis)
        self.output = mixer.output

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (batch, time, channel), mask (batch, time) bool → (batch, time, channel), time ≤ max_length."""
        return self.output(self.convolution(hide(x, mask)))


@runtime_checkable
class HasFixedLength(Protocol):
    """A layer that has a form of its own for export; any module that has the method is one."""

    def fixed_length(self, max_length: int) -> nn.Module:
        """What stands in for the layer in a graph, for sequences of up to ``max_length`` steps."""
        ...


def fixed(module: nn.Module, max_length: int) -> nn.Module:
    """A copy of ``module`` for export: two-sided layers read their kernels from constants."""
    basis = FourierBasis(max_length)

    def replacement(layer: nn.Module) -> nn.Module:
        if isinstance(layer, TwoSidedStateSpace):
            return FixedTwoSided(layer, basis)
        return layer.fixed_length(max_length) if isinstance(layer, HasFixedLength) else layer

    return with_replaced(copy.deepcopy(module), replacement)


def with_replaced(
    module: nn.Module, replacement: Callable[[nn.Module], nn.Module], kept: tuple[type[nn.Module], ...] = ()
) -> nn.Module:
    """``module`` with every part replaced by ``replacement(part)``, but for what lies directly in one of ``kept``."""
    for parent in list(module.modules()):
        if not isinstance(parent, kept):
            for name, child in list(parent.named_children()):
                if (new := replacement(child)) is not child:
                    setattr(parent, name, new)
    return replacement(module)
