"""Optimiser groups: what must train slowly, and what must not decay."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

from torch import nn

from ssmphony.ssm.kernel import StateSpaceKernel
from ssmphony.ssm.mamba import Mamba
from ssmphony.ssm.mamba2 import Mamba2

SSM_LR_MAX = 1e-3
SSM_LR_SHARE = 0.1


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
            dynamics = part.ssm_parameters if isinstance(part, StateSpaceKernel | Mamba | Mamba2) else ()
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
