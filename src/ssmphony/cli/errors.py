"""How a command ends when something goes wrong: one line, an exit code, no traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from ssmphony.cli import completion
from ssmphony.errors import SsmphonyError

# as a shell reports a process that a signal ended
_INTERRUPTED = 128 + 2
_BROKEN_PIPE = 128 + 13
_TERMINATED = 128 + 15


class OneLineErrors(TyperGroup):
    """The group of all commands. A programming error is the only thing that shows a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        completion.answer(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            with _terminable():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("ssmphony: interrupted", err=True)
            raise typer.Exit(_INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output has closed it
            _discard_stdout()
            raise typer.Exit(_BROKEN_PIPE) from None
        except MemoryError:
            typer.echo("ssmphony: out of memory", err=True)
            raise typer.Exit(1) from None
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            typer.echo(f"ssmphony: {where}{(error.strerror or str(error)).lower()}", err=True)
            _discard_stdout()
            raise typer.Exit(1) from None
        except SsmphonyError as error:
            typer.echo(f"ssmphony: {error}", err=True)
            raise typer.Exit(1) from None


@contextmanager
def _terminable() -> Generator[None, None, None]:
    """Let SIGTERM unwind the program, so that partial files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(number: int, frame: object) -> None:
        sys.exit(_TERMINATED)

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _discard_stdout() -> None:
    """Keep the interpreter from writing what is left to a broken standard output when it exits."""
    try:
        descriptor = sys.stdout.fileno()
    except (OSError, ValueError):
        return
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), descriptor)
