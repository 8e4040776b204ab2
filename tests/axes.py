"""Calls whose arrays are annotated with axes (`ssmphony.arrays`) are checked in every test.

jaxtyping keeps the lengths of named axes through a call, and beartype compares arguments and results with them.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import FunctionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import numpy as np
from beartype import beartype
from jaxtyping import Bool, Float32, Int64, jaxtyped

from ssmphony.arrays import Axes

CHECKED = (
    "ssmphony.runtime.expand",
    "ssmphony.runtime.parallel",
    "ssmphony.runtime.autoregressive",
    "ssmphony.runtime.samples_codec",
    "ssmphony.runtime.spectrum_codec",
    "ssmphony.runtime.encoder",
)
ELEMENTS = {np.float32: Float32, np.int64: Int64, np.bool_: Bool}


def checked(function: FunctionType) -> Callable[..., Any]:
    """The function with its arrays checked, or itself where none of them has axes."""
    hints = get_type_hints(function, include_extras=True)
    converted = {name: _converted(hint) for name, hint in hints.items()}
    if all(hint is Any for hint in converted.values()):
        return function
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__, copy.__qualname__, copy.__module__ = (
        function.__kwdefaults__,
        function.__qualname__,
        function.__module__,
    )
    copy.__annotations__, copy.__doc__ = converted, function.__doc__
    return jaxtyped(copy, typechecker=beartype)


def _converted(hint: Any) -> Any:
    """The hint for jaxtyping; `Any` for what has no axes."""
    if get_origin(hint) is Annotated:
        array, *notes = get_args(hint)
        names = [note.names for note in notes if isinstance(note, Axes)]
        if names:
            (element,) = get_args(get_args(array)[1])
            return ELEMENTS[element][np.ndarray, names[0]]
    if get_origin(hint) is tuple:
        parts = [_converted(part) for part in get_args(hint)]
        if any(part is not Any for part in parts) and Ellipsis not in get_args(hint):
            return tuple[tuple(parts)]
    return Any


def check_all() -> int:
    """Put the checked functions in place of all in `CHECKED`, wherever they were imported; how many there are."""
    replaced: dict[Any, Any] = {}
    for name in CHECKED:
        module = import_module(name)
        for attribute, value in list(vars(module).items()):
            if inspect.isfunction(value) and value.__module__ == name:
                replaced[value] = checked(value)
                setattr(module, attribute, replaced[value])
            elif inspect.isclass(value) and value.__module__ == name:
                for method, function in list(vars(value).items()):
                    if inspect.isfunction(function) and not method.startswith("__"):
                        new = checked(function)
                        if new is not function:
                            replaced[function] = new
                            setattr(value, method, new)
    for module in [module for name, module in sys.modules.items() if name.startswith("ssmphony")]:
        for attribute, value in list(vars(module).items()):
            if inspect.isfunction(value) and value in replaced:
                setattr(module, attribute, replaced[value])
    return sum(new is not old for old, new in replaced.items())
