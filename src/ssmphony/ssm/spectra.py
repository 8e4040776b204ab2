"""Spectra of kernels whose parameters are frozen, kept from one call to the next.

A kept spectrum is found by the values of the parameters it was computed from, not by their addresses or version
counters, which `.data`, shared memory and inference mode pass by: comparing them costs a hundredth of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

#: Lengths whose spectra are kept, the last ones used.
LENGTHS = 8


class Kept(NamedTuple):
    """Spectra by length, and the parameters they all come from."""

    parameters: tuple[Tensor, ...]
    spectra: dict[int, Tensor]


class Spectra:
    """The same results as computing them again, bit for bit. Copies and pickles of it start empty."""

    def __init__(self) -> None:
        self._kept = Kept((), {})

    def __reduce__(self) -> tuple[type[Spectra], tuple[()]]:
        return Spectra, ()

    def get(self, length: int, parameters: Iterable[Tensor], compute: Callable[[], Tensor]) -> Tensor:
        """The spectrum for ``length``. ``parameters`` are all that ``compute`` depends on in addition."""
        now = tuple(parameter.detach() for parameter in parameters)
        kept = self._kept
        # Outside inference mode: what is kept may meet a gradient of the signal later.
        with torch.inference_mode(False), torch.no_grad():
            if not _equal(kept.parameters, now):
                kept = Kept(tuple(parameter.clone() for parameter in now), {})
            known = kept.spectra.get(length)
            spectrum = compute() if known is None else known
        others = [(other, value) for other, value in kept.spectra.items() if other != length]
        # One assignment: threads see the old or the new, and both are right.
        self._kept = kept._replace(spectra=dict([*others, (length, spectrum)][-LENGTHS:]))
        return spectrum


def frozen(parameters: Iterable[Tensor]) -> bool:
    """Whether no gradient of these is needed, and no graph is being traced in which they must appear."""
    tracing = torch.jit.is_tracing()  # pyright: ignore[reportPrivateImportUsage]
    writing = torch.compiler.is_compiling() or tracing or torch.onnx.is_in_onnx_export()
    return not writing and not (torch.is_grad_enabled() and any(parameter.requires_grad for parameter in parameters))


def _equal(ours: tuple[Tensor, ...], theirs: tuple[Tensor, ...]) -> bool:
    def same(a: Tensor, b: Tensor) -> bool:
        return (a.dtype, a.device) == (b.dtype, b.device) and torch.equal(a, b)

    return len(ours) == len(theirs) and all(same(a, b) for a, b in zip(ours, theirs, strict=True))
