"""Progress bars on standard error; without a terminal, nothing is shown."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


def terminal_bar(*columns: str | ProgressColumn) -> Progress:
    """A bar of these columns, gone once its ``with`` block ends."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


class Count(Protocol):
    """Called with how much of ``what`` is done."""

    def __call__(self, done: int, total: int, what: str = "") -> None: ...


@contextmanager
def count_bar() -> Generator[Count, None, None]:
    """A bar, the number done, and the time that remains."""
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

    with terminal_bar(BarColumn(), MofNCompleteColumn(), "{task.description}", TimeRemainingColumn()) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, what="": bar.update(task, completed=done, total=total, description=what)


class SpeechBar:
    """Characters spoken, and how much faster than speech that is."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._task = bar, bar.add_task("", total=None)
        self._seconds, self._begun = 0.0, time.perf_counter()

    def begin(self, characters: int, spoken: int = 0) -> None:
        self._begun = time.perf_counter()
        self._bar.update(self._task, total=characters, completed=spoken, description="starting")

    def advance(self, characters: int, seconds: float, made: str | None = None) -> None:
        """``seconds`` of audio of this many characters; ``made`` is shown in place of the minutes of audio."""
        self._seconds += seconds
        rate = self._seconds / (time.perf_counter() - self._begun)
        shown = f"{made or f'{self._seconds / 60:.1f} minutes of audio'}, {rate:.1f} times as fast as speech"
        self._bar.update(self._task, advance=characters, description=shown)


@contextmanager
def speech_bar() -> Generator[SpeechBar, None, None]:
    """A `SpeechBar`, and the time that remains."""
    from rich.progress import BarColumn, TaskProgressColumn, TimeRemainingColumn

    with terminal_bar(BarColumn(), TaskProgressColumn(), "{task.description}", TimeRemainingColumn()) as bar:
        yield SpeechBar(bar)
