"""The compiled scans of ``cpu.cpp`` as PyTorch operators: float32, with their gradients.

``torch.ops.ssmphony.selective_scan`` and ``ssd`` return (y, last, kept): ``kept`` holds the state in front of each
chunk for backward, and nothing where no gradient is wanted. Gradients that are to be differentiated again
(``create_graph=True``) are taken through the reference form.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssmphony.ssm.scan import build, linear, reference

#: Steps between the kept states; `STEPS` of cpu.cpp.
STEPS = 32

Scan = Callable[..., tuple[Tensor, Tensor]]
REFERENCE: dict[str, Scan] = {"selective_scan": reference.selective_scan, "ssd": reference.ssd}

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
    for name in REFERENCE:
        _register(name)
    linear.register()
    return True


def scan(name: str, inputs: tuple[Tensor, ...], reset: Tensor | None) -> tuple[Tensor, Tensor]:
    """The operator ``name`` on the seven tensors of its scan; (y, last)."""
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    y, last, _ = getattr(torch.ops.ssmphony, name)(*inputs, reset, keep)
    return y, last


def _register(name: str) -> None:
    def shapes(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
        u, state, keep = arguments[0], arguments[6], arguments[8]
        chunks = (u.shape[1] + STEPS - 1) // STEPS if keep else 0
        kept = u.new_empty(u.shape[0], chunks, math.prod(u.shape[2:]), state.shape[-1])
        return u.new_empty(u.shape), state.new_empty(state.shape), kept

    def gradient_shapes(grad_y: Tensor, grad_last: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
        return tuple(tensor.new_empty(tensor.shape) for tensor in arguments[:7])

    def save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs[:8], output[2])
        ctx.mark_non_differentiable(output[2])

    def gradients(ctx: Any, grad_y: Tensor, grad_last: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, reset, kept = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *_gradients_with_graph(REFERENCE[name], inputs, reset, (grad_y, grad_last)), None, None
        return *backward(grad_y, grad_last, *inputs, reset, kept), None, None

    backward = getattr(torch.ops.ssmphony, f"{name}_backward")
    torch.library.register_fake(f"ssmphony::{name}", shapes)
    torch.library.register_fake(f"ssmphony::{name}_backward", gradient_shapes)
    torch.library.register_autograd(f"ssmphony::{name}", gradients, setup_context=save)


def _gradients_with_graph(
    scan: Scan, inputs: list[Tensor], reset: Tensor | None, grad_outputs: tuple[Tensor, Tensor]
) -> tuple[Tensor | None, ...]:
    """Through the reference form, and differentiable. One None for each input without a gradient."""
    # New views, so that an input computed from another one is not followed back to it twice.
    views = [tensor.view_as(tensor) for tensor in inputs]
    wanted = [view for view in views if view.requires_grad]
    found = iter(torch.autograd.grad(scan(*views, reset), wanted, grad_outputs, create_graph=True))
    return tuple(next(found) if view.requires_grad else None for view in views)
