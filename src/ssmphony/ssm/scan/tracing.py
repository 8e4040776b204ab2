"""What PyTorch's compiler may take for granted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


def constant(function: Function) -> Function:
    """Mark a function whose result is the same whenever it is called: a compiled graph holds the result.

    All that `torch.compiler.assume_constant_result` does, but for importing the compiler, which takes 2 s.
    """
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function
