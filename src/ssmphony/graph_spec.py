"""What a model or a codec declares of a graph that it can be exported as. Plain data: who declares it imports no
exporter, and `ssmphony.export` knows no system.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ssmphony.interfaces import State


@dataclass(frozen=True)
class Axis:
    """An axis of an input that may have another length at each call."""

    name: str
    min_length: int = 1
    max_length: int = 4096
    multiple: int = 1
    """Its length is a multiple of this, and ``min_length`` and ``max_length`` count multiples."""


@dataclass(frozen=True)
class GraphSpec:
    """One graph. The first axis of every tensor is the batch, which is free."""

    name: str
    """``encoder``, ``decoder``, …: see `ssmphony.runtime`."""
    module: Any
    """A PyTorch module. ``module(*inputs)`` returns the outputs, one tensor or a tuple; ``module(*inputs, state)``
    returns them and the new state, where there is a state."""
    inputs: Mapping[str, Any]
    """Example tensors of two rows, in the order in which the module takes them."""
    outputs: tuple[str, ...]
    axes: Mapping[str, Mapping[int, Axis]] = field(default_factory=dict)
    """Free axes of each input besides the batch."""
    state: State | None = None
    """An example of two rows; a fresh state is all zeros."""
    longest: int | None = None
    """Two-sided layers inside see at most this many steps, so that their kernels can be constants."""
    steps: int | None = None
    """Causal layers inside take exactly this many steps a call, so that their matrices can be constants."""
    most_steps: int | None = None
    """Causal layers inside take at most this many steps a call, so that their tables can be constants."""
