"""What S4 and S4D share: a linear time-invariant system in real arithmetic, for any number of steps.

A kernel module owns the parameters of ``x[k] = Abar x[k-1] + Bbar u[k]``, ``y[k] = C x[k] + D u[k]`` for each
channel, with the conjugate pairs of the paper written as real coordinates (all real parts, then all imaginary).
"""

from __future__ import annotations

import functools
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ssmphony.ssm.blocks import BlockMatrices, run_blocks
from ssmphony.ssm.convolution import full_precision
from ssmphony.ssm.hippo import DT_MAX, DT_MIN
from ssmphony.ssm.packed import SINGLE_STEPS, run_packed, run_single
from ssmphony.ssm.scan import compiled, linear

_log = logging.getLogger(__name__)


class StateSpaceKernel(nn.Module, ABC):
    """Parameters of one linear system per channel, and what they do to signals.

    Everything is at least float32. A cast to 16 bits (``module.bfloat16()``) leaves the parameters as they are:
    frequencies of S4D rounded to bfloat16 would change its outputs by more than 20 %. Where something else rounds them,
    as FSDP's ``param_dtype`` does, this is logged once, and states and arithmetic are float32 all the same.
    """

    @abstractmethod
    def slow_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that train at a lower rate and without weight decay."""

    def __init__(self, d_model: int, d_state: int) -> None:
        super().__init__()
        self.d_model = d_model
        self.d_state = d_state

    log_dt: nn.Parameter
    """log of the step size in seconds, (channel,)."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> StateSpaceKernel:
        def moved(tensor: Tensor) -> Tensor:
            new = fn(tensor)
            rounded = new.is_floating_point() and new.dtype.itemsize < torch.float32.itemsize <= tensor.dtype.itemsize
            return tensor.to(new.device) if rounded else new

        return super()._apply(moved, recurse)

    @property
    def dtype(self) -> torch.dtype:
        """The type of states, kernels and arithmetic: that of the parameters, or float32 where they have 16 bits."""
        return torch.promote_types(self.log_dt.dtype, torch.float32)

    @property
    def device(self) -> torch.device:
        return self.log_dt.device

    def initial_state(self, batch: int) -> Tensor:
        """Zeros (batch, channel, N)."""
        return torch.zeros(batch, self.d_model, self.d_state, dtype=self.dtype, device=self.device)

    def forward(self, u: Tensor, state: Tensor, reset: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Any number of steps: u (channel, batch, length), state (channel, batch, N) → outputs and the last state.

        One function computed in several ways: single steps, a compiled recurrence, one block, or blocks next to each
        other whose states alone are carried from one to the next. The state is cleared before the steps that
        ``reset`` (batch, length) marks.
        """
        if self.dtype != self.log_dt.dtype and not torch.compiler.is_compiling():
            _warn_of_rounding(self.log_dt.dtype)
        with full_precision(u):
            u, state = u.to(self.dtype), state.to(self.dtype)
            if u.shape[-1] <= SINGLE_STEPS:
                return run_single(self, u, state, reset)
            compiled = self.scan(u, state, reset)
            if compiled is not None:
                return compiled
            return run_blocks(self, u, state) if reset is None else run_packed(self, u, state, reset)

    @abstractmethod
    def kernel(self, length: int) -> Tensor:
        """Impulse response (channel, length), the skip included."""

    @abstractmethod
    def block(self, length: int) -> BlockMatrices:
        """The matrices of a block of ``length`` steps."""

    @abstractmethod
    def step(self, u: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """One step in O(N): u (channel, batch), state (channel, batch, N) → y (channel, batch) and the state."""

    @abstractmethod
    def leap(self, state: Tensor, steps: int) -> Tensor:
        """The state (channel, batch, N) after ``steps`` steps without input."""

    @abstractmethod
    def recurrence(self) -> linear.LinearSystem:
        """The discrete system in float64."""

    def scan(self, u: Tensor, state: Tensor, reset: Tensor | None = None) -> tuple[Tensor, Tensor] | None:
        """`forward` as one compiled recurrence; None where that cannot be had."""
        return linear.run(u, self.recurrence(), state, reset) if self._compiled(u, state) else None

    def _compiled(self, *signals: Tensor) -> bool:
        """Whether the compiled recurrence takes this system, and these signals."""
        own = tuple(self._wide(parameter) for parameter in self.parameters())
        return compiled((*signals, *own))

    def _wide(self, parameter: Tensor) -> Tensor:
        """A parameter in the type of the arithmetic."""
        return parameter.to(self.dtype)


@functools.cache
def _warn_of_rounding(dtype: torch.dtype) -> None:
    _log.warning(
        "the frequencies and steps of S4 or S4D are rounded to %s, which changes their outputs by tens of percent: "
        "keep their kernels in float32, with FSDP by fully_shard(layer.kernel) before the layer",
        dtype,
    )


def parameter_dtype() -> torch.dtype:
    """The type of new dynamics: PyTorch's default, or float32 where that has 16 bits."""
    return torch.promote_types(torch.get_default_dtype(), torch.float32)


def sample_log_dt(d_model: int, dt_min: float = DT_MIN, dt_max: float = DT_MAX) -> Tensor:
    """log of step sizes drawn log-uniformly from [dt_min, dt_max], (d_model,)."""
    return torch.rand(d_model, dtype=parameter_dtype()) * (math.log(dt_max) - math.log(dt_min)) + math.log(dt_min)
