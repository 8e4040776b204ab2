"""The compiled selective scan with a complex A of ``complex.cpp`` as a PyTorch operator, with its gradients.

``torch.ops.ssmphony.complex_scan``, as `operators` describes it: u, delta and D are float32, the rest complex64.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from ssmphony.ssm.scan import operators, reference
from ssmphony.ssm.scan.native import Structure, address, int64, kept, pointer, require

NAMES = ("u", "delta", "A", "B", "C", "D", "state")


class _Scan(Structure):
    """`ComplexScan` of complex.cpp."""

    _fields_ = (
        *((name, pointer) for name in (*NAMES, "reset")),
        *((name, int64) for name in ("batch", "time", "channels", "n", "threads")),
    )


class _Gradients(Structure):
    """`Gradients` of complex.cpp."""

    _fields_ = tuple((name, pointer) for name in NAMES)


def register(library: ctypes.CDLL) -> None:
    """The operator and its gradients, once their library is loaded."""
    operators.define_for_cpu("complex_scan", operators.SCAN[0], functools.partial(_forward, library))
    operators.define_for_cpu("complex_scan_backward", operators.SCAN[1], functools.partial(_backward, library))
    operators.register("complex_scan", reference.selective_scan, kept)


def _planes(tensor: Tensor) -> Tensor:
    """(2, …): real parts, then imaginary parts; of a real tensor itself."""
    return torch.stack([tensor.real, tensor.imag]) if tensor.is_complex() else tensor


def _tensors(given: list[Tensor], reset: Tensor | None) -> tuple[list[Tensor], Tensor | None]:
    return require(map(_planes, given), reset)


def _scan(tensors: list[Tensor], reset: Tensor | None) -> _Scan:
    sizes = (*tensors[0].shape, tensors[2].shape[-1], torch.get_num_threads())
    return _Scan(*map(address, (*tensors, reset)), *sizes)


def _forward(library: ctypes.CDLL, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *given, reset, keep = arguments
    tensors, reset = _tensors(given, reset)
    u, state = tensors[0], tensors[6]
    y, last, states = torch.empty_like(u), torch.empty_like(state), kept(u, given[6], keep)
    scan = _scan(tensors, reset)
    library.ssmphony_complex_scan(ctypes.byref(scan), address(y), address(last), address(states if keep else None))
    return y, torch.complex(*last), states


def _backward(library: ctypes.CDLL, grad_y: Tensor, grad_last: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    *given, reset, states = arguments
    tensors, reset = _tensors(given, reset)
    (grad_y, grad_last, states), _ = require((grad_y, _planes(grad_last), states))
    scan = _scan(tensors, reset)
    u, delta, A, B, C, _, state = tensors
    (batch, _, channels), n = u.shape, A.shape[-1]
    # Of A and D for each row of the batch, of B and C for each vector of channels.
    vectors = -(-channels // library.ssmphony_lanes())
    du, ddelta, dstate = (torch.empty_like(part) for part in (u, delta, state))
    dA, dD = u.new_empty(batch, channels, n, 2), u.new_empty(batch, channels)
    dB, dC = (u.new_empty(vectors, *part.shape[1:], 2) for part in (B, C))
    gradients = _Gradients(*map(address, (du, ddelta, dA, dB, dC, dD, dstate)))
    library.ssmphony_complex_scan_backward(
        ctypes.byref(scan), address(grad_y), address(grad_last), address(states), ctypes.byref(gradients)
    )
    dA, dB, dC = (torch.view_as_complex(part.sum(0)) for part in (dA, dB, dC))
    return du, ddelta, dA, dB, dC, dD.sum(0), torch.complex(*dstate)
