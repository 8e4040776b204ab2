"""The compiled scans of ``cpu.cpp`` as PyTorch operators: float32, with their gradients.

``torch.ops.ssmphony.selective_scan`` and ``ssd``, as `operators` describes them.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import math
import threading
from typing import Any

import torch
from torch import Tensor

from ssmphony.ssm.scan import build, cpu_complex, cpu_delta, linear, operators
from ssmphony.ssm.scan.native import Structure, address, int64, kept, pointer, require
from ssmphony.ssm.scan.tracing import constant

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_ready: bool | None = None
_library: ctypes.CDLL | None = None


@constant
def ready() -> bool:
    """Whether the operators are there; compiles them at the first call, and says once why if they are not."""
    global _ready
    if _ready is None:
        with _lock:
            if _ready is None:
                _ready = loaded()
    return _ready


def loaded() -> bool:
    """Load and register the operators, or log why not."""
    global _library
    try:
        found = build.load()
    except build.NoCompilerError as missing:
        _log.warning("the scans run in their slower PyTorch form: to compile them, install %s", missing)
        return False
    except (build.BuildError, OSError) as error:
        _log.error("the scans run in their slower PyTorch form: compiling them failed: %s", error)
        return False
    if _library is None:
        for name, scan in operators.REFERENCE.items():
            heads = name == "ssd"
            forward, backward = functools.partial(_forward, found, heads), functools.partial(_backward, found, heads)
            operators.define_for_cpu(name, operators.SCAN[0], forward)
            operators.define_for_cpu(f"{name}_backward", operators.SCAN[1], backward)
            operators.register(name, scan, kept)
        for module in (linear, cpu_complex, cpu_delta):
            module.register(found)
    _library = found
    return True


def library() -> ctypes.CDLL:
    """The compiled library, after `ready` was true."""
    if _library is None:
        raise RuntimeError("the compiled scans are not loaded")
    return _library


class _Scan(Structure):
    """`Scan` of cpu.cpp."""

    _fields_ = (
        *((name, pointer) for name in ("u", "delta", "A", "B", "C", "D", "state", "reset")),
        *((name, int64) for name in ("batch", "time", "heads", "width", "groups", "n", "slices", "threads")),
    )


class _Gradients(Structure):
    """`Gradients` of cpu.cpp."""

    _fields_ = tuple((name, pointer) for name in ("u", "delta", "A", "B", "C", "D", "state"))


def _scan(found: ctypes.CDLL, heads: bool, tensors: list[Tensor], reset: Tensor | None) -> _Scan:
    u, B, threads = tensors[0], tensors[3], torch.get_num_threads()
    batch, time, width, n = u.shape[0], u.shape[1], u.shape[-1], B.shape[-1]
    count, groups = (u.shape[2], B.shape[2]) if heads else (1, 1)
    vectors = count * -(-width // found.ssmphony_lanes())
    share = threads // math.gcd(max(batch, 1), threads)
    slices = max(min(share, vectors), 1)
    return _Scan(*map(address, (*tensors, reset)), batch, time, count, width, groups, n, slices, threads)


def _forward(found: ctypes.CDLL, heads: bool, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *given, reset, keep = arguments
    tensors, reset = require(given, reset)
    scan = _scan(found, heads, tensors, reset)
    u, state = tensors[0], tensors[6]
    y, last, states = torch.empty_like(u), torch.empty_like(state), kept(u, state, keep)
    found.ssmphony_scan(ctypes.byref(scan), address(y), address(last), address(states if keep else None), int(heads))
    return y, last, states


def _backward(
    found: ctypes.CDLL, heads: bool, grad_y: Tensor, grad_last: Tensor, *arguments: Any
) -> tuple[Tensor, ...]:
    *given, reset, states = arguments
    tensors, reset = require(given, reset)
    (grad_y, grad_last, states), _ = require((grad_y, grad_last, states))
    scan = _scan(found, heads, tensors, reset)
    u, delta, _, B, C, _, state = tensors
    channels, n = scan.heads * scan.width, scan.n
    # Of A and D for each row of the batch; of B, C and the steps of heads for each slice of the channels.
    du, dstate = torch.empty_like(u), torch.empty_like(state)
    ddelta = u.new_zeros(scan.slices, *delta.shape) if heads else torch.empty_like(delta)
    dA, dD = u.new_empty(scan.batch, channels, 1 if heads else n), u.new_empty(scan.batch, channels)
    dB, dC = u.new_zeros(scan.slices, *B.shape), u.new_zeros(scan.slices, *C.shape)
    gradients = _Gradients(*map(address, (du, ddelta, dA, dB, dC, dD, dstate)))
    found.ssmphony_scan_backward(
        ctypes.byref(scan), address(grad_y), address(grad_last), address(states), ctypes.byref(gradients), int(heads)
    )
    if heads:
        ddelta = _total(ddelta)
        dA, dD = (part.reshape(scan.batch, scan.heads, scan.width).sum((0, 2)) for part in (dA, dD))
    else:
        dA, dD = dA.sum(0), dD.sum(0)
    return du, ddelta, dA, _total(dB), _total(dC), dD, dstate


def _total(slices: Tensor) -> Tensor:
    return slices[0] if len(slices) == 1 else slices.sum(0)
