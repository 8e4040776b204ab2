"""The compiled scans of ``cpu.cpp`` as PyTorch operators: float32, with their gradients.

``torch.ops.ssmphony.selective_scan`` and ``ssd``, as `operators` describes them.
"""

from __future__ import annotations

import logging
import math
import threading

import torch
from torch import Tensor

from ssmphony.ssm.scan import build, linear, operators

#: Steps between the kept states; `STEPS` of cpu.cpp.
STEPS = 32

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_ready: bool | None = None


@torch.compiler.assume_constant_result
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
    try:
        build.load()
    except build.NoCompilerError as missing:
        _log.warning("the scans run in their slower PyTorch form: to compile them, install %s", missing)
        return False
    except (OSError, RuntimeError) as error:
        _log.error("the scans run in their slower PyTorch form: compiling them failed: %s", error)
        return False
    for name, scan in operators.REFERENCE.items():
        operators.register(name, scan, kept)
    linear.register()
    return True


def kept(u: Tensor, state: Tensor, keep: bool) -> Tensor:
    """Room for the state in front of each chunk, as the operators return it; no chunks unless ``keep``."""
    chunks = (u.shape[1] + STEPS - 1) // STEPS if keep else 0
    return u.new_empty(u.shape[0], chunks, math.prod(u.shape[2:]), state.shape[-1])
