"""Tensors as the functions of the compiled library take them: addresses and sizes."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

pointer, int64, Structure = ctypes.c_void_p, ctypes.c_int64, ctypes.Structure


#: Steps between the kept states; `STEPS` of the C++ files.
STEPS = 32


def address(tensor: Tensor | None) -> ctypes.c_void_p:
    """Of the first number; a null pointer for None."""
    return pointer(None if tensor is None else tensor.data_ptr())


def addresses(tensors: Sequence[Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    """Of several tensors, as an array of pointers."""
    return (pointer * len(tensors))(*(tensor.data_ptr() for tensor in tensors))


def require(
    tensors: Iterable[Tensor], reset: Tensor | None = None, dtype: torch.dtype = torch.float32
) -> tuple[list[Tensor], Tensor | None]:
    """The tensors without gaps. Raises TypeError for another type or device: what follows reads memory as it is."""
    found = [tensor.contiguous() for tensor in tensors]
    if any(tensor.dtype != dtype or tensor.device.type != "cpu" for tensor in found):
        raise TypeError(f"the compiled scans take {dtype} on a CPU")
    if reset is not None and reset.dtype != torch.bool:
        raise TypeError(f"reset must be bool, got {reset.dtype}")
    return found, None if reset is None else reset.contiguous()


def kept(u: Tensor, state: Tensor, keep: bool) -> Tensor:
    """Space for the state before each chunk, as the operators return it; none unless ``keep``.

    ``u`` (batch, time, …) has a state of the last size of ``state`` for each of its numbers. Of one axis: that its
    length is not 1 can be proved for any number of steps, as exporters want it.
    """
    chunks = (u.shape[1] + STEPS - 1) // STEPS if keep else 0
    parts = 2 if state.is_complex() else 1
    return u.new_empty(u.shape[0] * chunks * (math.prod(u.shape[2:]) * state.shape[-1] * parts))
