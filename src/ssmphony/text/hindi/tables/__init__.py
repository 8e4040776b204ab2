"""Rules and word lists of Hindi as tab-separated tables, and the one function that reads them."""

from __future__ import annotations

from importlib import resources


def rows(name: str) -> list[tuple[str, ...]]:
    """The rows of ``<name>.tsv`` without comments (lines that begin with ``# ``) and blank lines."""
    text = resources.files(__name__).joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    lines = (line.rstrip() for line in text.split("\n"))
    return [tuple(line.split("\t")) for line in lines if line and not line.startswith("# ")]


def pairs(name: str) -> dict[str, str]:
    """The first two columns of a table as a dictionary."""
    return {row[0]: row[1] for row in rows(name)}
