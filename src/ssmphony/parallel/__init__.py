"""One function over many items: in the processes of this machine, or on Ray. Knows nothing of speech.

An executor takes ``start``, which creates the function once in every process (it may hold a voice), and yields
``(index of the item, result)`` as results are finished, in no order. ``start``, items and results are pickled.
A generator that is closed early stops its processes at once, whatever they are doing: what they write must appear
whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import Protocol, TypeVar

I = TypeVar("I")  # noqa: E741
R = TypeVar("R")

Start = Callable[[], Callable[[I], R]]


class Executor(Protocol):
    """``workers`` None is everything that the executor has. Raises what ``start`` and the function raise."""

    def __call__(
        self, start: Start[I, R], items: Sequence[I], workers: int | None = None
    ) -> Generator[tuple[int, R], None, None]: ...
