"""The compiled gated delta rule of ``delta.cpp`` as a PyTorch operator: float32, with its gradients.

``torch.ops.ssmphony.gated_delta_rule``, as `operators` describes it.
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import torch
from torch import Tensor

from ssmphony.ssm.scan import delta, operators
from ssmphony.ssm.scan.native import Structure, address, int64, kept, pointer, require

NAMES = ("q", "k", "v", "log_decay", "beta", "state")


class _Rule(Structure):
    """`Rule` of delta.cpp."""

    _fields_ = (
        *((name, pointer) for name in (*NAMES, "reset")),
        *((name, int64) for name in ("batch", "time", "heads", "keys", "values", "threads")),
    )


class _Gradients(Structure):
    """`Gradients` of delta.cpp."""

    _fields_ = tuple((name, pointer) for name in NAMES)


def register(library: ctypes.CDLL) -> None:
    """The operator and its gradients, once their library is loaded."""
    forward, backward = operators.schemas(*NAMES)
    operators.define_for_cpu("gated_delta_rule", forward, functools.partial(_forward, library))
    operators.define_for_cpu("gated_delta_rule_backward", backward, functools.partial(_backward, library))
    operators.register("gated_delta_rule", delta.gated_delta_rule, kept, like=2)


def _rule(tensors: list[Tensor], reset: Tensor | None) -> _Rule:
    (batch, time, heads, keys), values = tensors[0].shape, tensors[2].shape[-1]
    sizes = (batch, time, heads, keys, values, torch.get_num_threads())
    return _Rule(*map(address, (*tensors, reset)), *sizes)


def _forward(library: ctypes.CDLL, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    *given, reset, keep = arguments
    tensors, reset = require(given, reset)
    v, state = tensors[2], tensors[5]
    y, last, states = torch.empty_like(v), torch.empty_like(state), kept(v, state, keep)
    rule = _rule(tensors, reset)
    library.ssmphony_delta(ctypes.byref(rule), address(y), address(last), address(states if keep else None))
    return y, last, states


def _backward(library: ctypes.CDLL, grad_y: Tensor, grad_last: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
    *given, reset, states = arguments
    tensors, reset = require(given, reset)
    (grad_y, grad_last, states), _ = require((grad_y, grad_last, states))
    rule, found = _rule(tensors, reset), [torch.empty_like(tensor) for tensor in tensors]
    gradients = _Gradients(*map(address, found))
    library.ssmphony_delta_backward(
        ctypes.byref(rule), address(grad_y), address(grad_last), address(states), ctypes.byref(gradients)
    )
    return tuple(found)
