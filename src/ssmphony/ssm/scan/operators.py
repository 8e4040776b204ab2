"""What a compiled scan needs to be a PyTorch operator, whatever compiled it: shapes without data, and gradients.

A scan ``ssmphony::<name>`` takes the tensors of its function, the last of them the first state, ``reset``, and whether
to keep what backward needs; it returns (y, last, kept), where ``kept`` holds the state before each chunk, or no
chunks. Its gradients are ``ssmphony::<name>_backward``. Gradients that are to be differentiated again
(``create_graph=True``) are taken through the reference form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ssmphony.ssm.scan import reference

Scan = Callable[..., tuple[Tensor, Tensor]]
REFERENCE: dict[str, Scan] = {"selective_scan": reference.selective_scan, "ssd": reference.ssd}


def schemas(*inputs: str) -> tuple[str, str]:
    """Of forward and backward, for a scan of these tensors."""
    given = ", ".join([*(f"Tensor {name}" for name in inputs), "Tensor? reset"])
    backward = f"(Tensor grad_y, Tensor grad_last, {given}, Tensor kept) -> ({', '.join(['Tensor'] * len(inputs))})"
    return f"({given}, bool keep) -> (Tensor, Tensor, Tensor)", backward


SCAN = schemas("u", "delta", "A", "B", "C", "D", "state")


def call(name: str, inputs: tuple[Tensor, ...], reset: Tensor | None) -> tuple[Tensor, Tensor]:
    """The operator ``name`` on the tensors of its scan; (y, last)."""
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    y, last, _ = getattr(torch.ops.ssmphony, name)(*inputs, reset, keep)
    return y, last


_fragment = torch.library.Library("ssmphony", "FRAGMENT")


def define_for_cpu(name: str, schema: str, function: Callable[..., Any]) -> None:
    """The operator ``name`` from a function that does not change its inputs, for CPUs."""
    _fragment.define(name + schema, tags=(torch.Tag.pt2_compliant_tag,))
    _fragment.impl(name, function, "CPU")


def define(name: str, forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
    """The operators ``name`` and ``name_backward`` from two Python functions, for any device."""
    for suffix, function, schema in zip(("", "_backward"), (forward, backward), SCAN, strict=True):
        torch.library.custom_op(f"ssmphony::{name}{suffix}", function, mutates_args=(), schema=schema)


def register(name: str, scan: Scan, kept: Callable[[Tensor, Tensor, bool], Tensor], like: int = 0) -> None:
    """Shapes and gradients for the operator ``name``, the compiled form of ``scan``.

    ``kept(u, state, keep)`` is an empty tensor as forward returns it for these. ``u`` is the input number ``like``,
    which has the shape of y.
    """

    def shapes(*arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
        *inputs, _, keep = arguments
        y, last = inputs[like], inputs[-1]
        return y.new_empty(y.shape), last.new_empty(last.shape), kept(y, last, keep)

    def gradient_shapes(grad_y: Tensor, grad_last: Tensor, *arguments: Any) -> tuple[Tensor, ...]:
        return tuple(tensor.new_empty(tensor.shape) for tensor in arguments[:-2])

    def save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
        ctx.save_for_backward(*inputs[:-1], output[2])
        ctx.mark_non_differentiable(output[2])

    def gradients(ctx: Any, grad_y: Tensor, grad_last: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, reset, states = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *gradients_with_graph(scan, inputs, reset, (grad_y, grad_last)), None, None
        return *backward(grad_y, grad_last, *inputs, reset, states), None, None

    backward = getattr(torch.ops.ssmphony, f"{name}_backward")
    torch.library.register_fake(f"ssmphony::{name}", shapes)
    torch.library.register_fake(f"ssmphony::{name}_backward", gradient_shapes)
    torch.library.register_autograd(f"ssmphony::{name}", gradients, setup_context=save)


def gradients_with_graph(
    scan: Scan, inputs: list[Tensor], reset: Tensor | None, grad_outputs: tuple[Tensor, Tensor]
) -> tuple[Tensor | None, ...]:
    """Through the reference form, and differentiable. One None for each input without a gradient."""
    # New views, so that an input computed from another one is not followed back to it twice.
    views = [tensor.view_as(tensor) for tensor in inputs]
    wanted = [view for view in views if view.requires_grad]
    found = iter(torch.autograd.grad(scan(*views, reset), wanted, grad_outputs, create_graph=True))
    return tuple(next(found) if view.requires_grad else None for view in views)
