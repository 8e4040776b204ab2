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


MISSING = "–"


def number(figure: Row | None, digits: int = 2, unit: float = 1.0) -> str:
    """A figure of `benchmarks.teacher.figures`, with its standard error."""
    if not figure or figure["value"] is None:
        return MISSING
    return f"{unit * figure['value']:.{digits}f} ± {unit * (figure['error'] or 0.0):.{digits}f}"


def line(label: str, asked: str, measured: str, reached: bool | None) -> list[str]:
    """Of a table of targets."""
    return [label, asked, measured, MISSING if reached is None else met(reached)]


def aim(label: str, asked: float, figure: Row | None, digits: int = 2, *, least: bool = False) -> list[str]:
    """The same of a figure that should be ``asked`` at most, or at least."""
    sign = "≥" if least else "≤"
    if not figure or figure["value"] is None:
        return line(label, f"{sign} {asked:g}", MISSING, None)
    reached = figure["value"] >= asked if least else figure["value"] <= asked
    return line(label, f"{sign} {asked:g}", number(figure, digits), reached)


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
