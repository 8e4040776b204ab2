"""Rules and word lists of Hindi as tab-separated tables, and the one function that reads them.

With `open`: pathlib and importlib.resources would add a fifth to the import of the whole frontend.
"""

from __future__ import annotations

import os
from functools import lru_cache


def lines(name: str) -> list[str]:
    """The lines of ``<name>.tsv`` without comments (lines that begin with ``# ``) and blank lines."""
    with open(os.path.join(os.path.dirname(__file__), f"{name}.tsv"), encoding="utf-8") as file:
        stripped = [line.rstrip() for line in file]
    return [line for line in stripped if line and not line.startswith("# ")]


@lru_cache(maxsize=8)
def rows(name: str) -> list[tuple[str, ...]]:
    """The rows of ``<name>.tsv`` as cells."""
    return [tuple(line.split("\t")) for line in lines(name)]


def pairs(name: str) -> dict[str, str]:
    """The first two columns of a table as a dictionary."""
    return {row[0]: row[1] for row in rows(name)}
