"""Results as Markdown, and how figures are written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Row = dict[str, Any]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def met(yes: bool) -> str:
    """Of a target."""
    return "met" if yes else "missed"


def measured_on(machine: Row) -> str:
    """When and on which machine: the beginning of a sentence."""
    return (
        f"Measured on {machine['date']}: {machine['cpu']}, {machine['cores']} cores, load before "
        f"{machine['load_before']}"
    )


def milliseconds(seconds: float) -> str:
    if seconds < 0.01:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e3:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def times(ratio: float) -> str:
    return f"{ratio:.0f} times" if ratio >= 10 else f"{ratio:.1f} times" if ratio >= 1 else f"{ratio:.2f} of"
