"""Rules and word lists of Hindi as tab-separated tables, and the functions that read them.

With `open`: pathlib and importlib.resources would add a fifth to the import of the whole frontend.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from functools import cache, lru_cache


def lines(name: str) -> list[str]:
    """The lines of ``<name>.tsv`` without comments (lines that begin with ``# ``) and blank lines."""
    with open(os.path.join(os.path.dirname(__file__), f"{name}.tsv"), encoding="utf-8") as file:
        return [line for line in file.read().split("\n") if line and not line.startswith("# ")]


@lru_cache(maxsize=8)
def rows(name: str) -> list[tuple[str, ...]]:
    """The rows of a small table as cells."""
    return [tuple(line.split("\t")) for line in lines(name)]


def pairs(name: str) -> dict[str, str]:
    """The first two columns of a table as a dictionary."""
    return dict(line.split("\t", 2)[:2] for line in lines(name))


def keys(name: str) -> list[str]:
    """The first column of a table."""
    return [line.partition("\t")[0] for line in lines(name)]


def row(name: str, key: str) -> str:
    """What follows ``key`` and a tab in a large table, which is kept as lines and searched; nothing where it is not."""
    found, key = _sorted(name), key + "\t"
    place = bisect_left(found, key)
    return found[place][len(key) :] if place < len(found) and found[place].startswith(key) else ""


@cache
def _sorted(name: str) -> list[str]:
    return sorted(lines(name))
