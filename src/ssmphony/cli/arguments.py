"""Texts that begin with a minus: ``ssmphony say "-5 डिग्री"``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from typer.core import TyperCommand

_OPTION = re.compile(r"--?[A-Za-z]")
_OPTION_WITH_VALUE = re.compile(r"--?[A-Za-z][A-Za-z0-9-]*=")


class TextCommand(TyperCommand):
    """A command whose argument is a text, which may look like an option.

    An argument that is not an option, and does not look like a mistyped one, is the text.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options = {
            name: not getattr(parameter, "is_flag", False)
            for parameter in self.get_params(ctx)
            for name in (*parameter.opts, *parameter.secondary_opts)
            if name.startswith("-")
        }
        try:
            return super().parse_args(ctx, texts_last(args, options))
        except Exception as error:
            if type(error).__name__ == "NoSuchOption" and not getattr(error, "possibilities", None):
                error.message += " (write -- before a text that begins with a minus)"  # pyright: ignore
            raise


def texts_last(args: Sequence[str], options: Mapping[str, bool]) -> list[str]:
    """``args`` with those that are surely texts at the end, after ``--``. ``options``: name → whether a value follows.

    >>> texts_last(["-5 डिग्री", "-o", "-5.wav"], {"-o": True})
    ['-o', '-5.wav', '--', '-5 डिग्री']
    """
    kept: list[str] = []
    texts: list[str] = []
    rest = list(args)
    while rest:
        arg = rest.pop(0)
        if arg == "--":
            texts += rest
            break
        name = arg.partition("=")[0] if arg.startswith("--") else arg[:2]
        if arg.startswith("-") and name not in options and _is_text(arg, options):
            texts.append(arg)
            continue
        kept.append(arg)
        if options.get(name) and name == arg and rest:
            kept.append(rest.pop(0))
    return [*kept, "--", *texts] if len(kept) < len(args) else kept


def _is_text(arg: str, options: Mapping[str, bool]) -> bool:
    """Whether it is no option, nor one that was mistyped or quoted together with its value."""
    if arg == "-" or _OPTION_WITH_VALUE.match(arg):
        return False
    if not _OPTION.match(arg):
        return True
    words = arg.split()
    if len(words) > 1:
        return not difflib.get_close_matches(words[0], options, 1, 0.8)
    return not arg.isascii()
