"""Optimiser groups: what must train slowly, and what must not decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypedDict, runtime_checkable

from torch import nn

SSM_LR_MAX = 1e-3
SSM_LR_SHARE = 0.1


@runtime_checkable
class HasSlowParameters(Protocol):
    """A module some of whose own parameters are dynamics; any module that has the method is one."""

    def slow_parameters(self) -> tuple[str, ...]:
        """Names of the parameters that train at a lower rate and without weight decay."""
        ...


class ParameterGroup(TypedDict):
    """One entry of an optimiser's parameter list."""

    name: str
    params: list[nn.Parameter]
    lr: float
    weight_decay: float


def parameter_groups(modules: nn.Module | Iterable[nn.Module], lr: float, weight_decay: float) -> list[ParameterGroup]:
    """Three groups: state-space dynamics, weights, and vectors (norms, biases, skips, states).

    The dynamics (Lambda, P, B, log dt of S4; A and the bias of dt of Mamba) train at ``min(1e-3, 0.1 lr)`` and never
    decay: decay would pull their logarithms to an arbitrary place. Vectors do not decay either. Empty groups are left
    out.
    """
    slow: list[nn.Parameter] = []
    decayed: list[nn.Parameter] = []
    plain: list[nn.Parameter] = []
    seen: set[int] = set()
    for module in [modules] if isinstance(modules, nn.Module) else modules:
        for part in module.modules():
            dynamics = part.slow_parameters() if isinstance(part, HasSlowParameters) else ()
            for name, parameter in part.named_parameters(recurse=False):
                if id(parameter) in seen or not parameter.requires_grad:
                    continue
                seen.add(id(parameter))
                free = parameter.ndim < 2 or isinstance(part, nn.ParameterList)  # the latter: a learned first state
                (slow if name in dynamics else plain if free else decayed).append(parameter)
    groups: list[ParameterGroup] = [
        {"name": "ssm", "params": slow, "lr": min(SSM_LR_MAX, SSM_LR_SHARE * lr), "weight_decay": 0.0},
        {"name": "weights", "params": decayed, "lr": lr, "weight_decay": weight_decay},
        {"name": "vectors", "params": plain, "lr": lr, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
