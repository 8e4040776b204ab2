"""The results of `benchmarks.ssm` as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.tables import table

Row = dict[str, Any]


def operations(result: Row) -> str:
    """A table of times for each operation, memory, and under what conditions."""
    names = dict.fromkeys(row["operation"] for row in result["times"])
    parts = [f"### {name}\n\n{times(result, name)}" for name in names]
    if result["memory"]:
        parts.append(f"### Peak memory\n\n{memory(result)}")
    machine = result["machine"]
    packages = ", ".join(f"{name} {machine[name]}" for name in ("torch", "transformers") if machine.get(name))
    parts.append(
        f"Measured on {machine['date']}: {machine['cpu']}, {machine['threads']} threads, load before "
        f"{machine['load_before']}, Python {machine['python']}, {packages}, waiting threads "
        f"{'asleep' if machine['waiting'] == 'passive' else 'spinning'}. Medians of at most "
        f"{max(max(row['rounds'].values()) for row in result['times'])} turns."
    )
    return "\n\n".join(parts)


def times(result: Row, operation: str) -> str:
    rows = [row for row in result["times"] if row["operation"] == operation]
    forms = list(rows[0]["ms"])
    header = ["batch", "length", "pass", *(f"{name}: ms" for name in forms), "error of ours", "largest of the others"]
    lines = [
        [
            str(row["batch"]),
            f"{row['length']:,}",
            _pass(row),
            *(_beside(row["ms"], name, ".1f") for name in forms),
            f"{row['error'][forms[0]]:.0e}",
            _largest([error for name, error in row["error"].items() if not name.startswith("ssmphony")]),
        ]
        for row in rows
    ]
    return table(header, lines)


def memory(result: Row) -> str:
    forms = dict.fromkeys(name for row in result["memory"] for name in row["mb"])
    lines = [
        [row["operation"], f"{row['length']:,}", _pass(row), *(_beside(row["mb"], name, ",.0f") for name in forms)]
        for row in result["memory"]
    ]
    return table(["operation", "length", "pass", *(f"{name}: MB" for name in forms)], lines)


def _pass(row: Row) -> str:
    return "forward and backward" if row["backward"] else "forward"


def _beside(values: dict[str, float], name: str, form: str) -> str:
    """A value, and how many times ours (the first) it is."""
    if name not in values:
        return "\u2013"
    ours = next(iter(values.values()))
    ratio = values[name] / ours
    if values[name] is ours:
        return f"{values[name]:{form}}"
    return f"{values[name]:{form}} ({ratio:.0f} times)" if ratio >= 10 else f"{values[name]:{form}} ({ratio:.1f} times)"


def _largest(errors: list[float]) -> str:
    return f"{max(errors):.0e}" if errors else "\u2013"
