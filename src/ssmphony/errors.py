"""The error that a user can fix, and the suggestion that many of its messages end with. Standard library only."""

from __future__ import annotations

from collections.abc import Iterable

NOTHING_TO_SPEAK = "nothing to speak: the text holds no letter and no digit"
"""What every command and interface says of such a text."""


class SsmphonyError(Exception):
    """An error the user can fix. The message is one line: what was wrong, and what to do."""


def suggest(name: str, known: Iterable[str]) -> str:
    """', did you mean …?' or nothing."""
    import difflib  # costs more than the rest of this module, and only mistakes need it

    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f", did you mean '{near[0]}'?" if near else ""
