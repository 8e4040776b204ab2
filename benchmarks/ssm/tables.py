"""The results of `benchmarks.ssm` as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.tables import met, table

Row = dict[str, Any]
DASH = "\u2013"


def sections(result: Row) -> str:
    """Everything that was measured: targets first, then a table of each operation."""
    parts = [f"### Targets\n\n{targets(result)}"]
    for section in result.values():
        for name in dict.fromkeys(row["operation"] for row in section.get("times", [])):
            parts.append(f"### {name}\n\n{times(section, name)}\n\n{growth(section, name)}".rstrip())
        if "steps" in section:
            parts.append(f"### A decode step of twelve layers\n\n{steps(section)}")
        parts.append(conditions(section))
    return "\n\n".join(parts)


class Target(NamedTuple):
    """At least ``asked`` times a peer's figure over ours, of ``quantity`` (ms or mb)."""

    operation: str
    length: int
    peer: str
    asked: float
    batch: int = 1
    backward: bool = False
    quantity: str = "ms"


TARGETS = (
    *(Target("selective scan", length, "mambapy", 25) for length in (512, 2048, 16_384)),
    *(Target("selective scan", length, "transformers", 18) for length in (512, 2048, 16_384)),
    *(Target("selective scan", length, "mambapy", 15, backward=True) for length in (512, 2048, 16_384)),
    Target("selective scan", 16_384, "mambapy", 10, quantity="mb"),
    Target("selective scan", 16_384, "mambapy", 10, backward=True, quantity="mb"),
    *(Target("SSD", length, "transformers", 10) for length in (512, 2048, 16_384)),
    *(Target("S4D kernel", *pair) for pair in ((512, "complex Vandermonde", 40), (2048, "complex Vandermonde", 75))),
    Target("S4D kernel", 16_384, "complex Vandermonde", 100),
    *(
        Target("S4D layer", length, "complex Vandermonde", asked, batch, backward)
        for batch, backward, asked in ((1, False, 35), (8, False, 15), (1, True, 15), (8, True, 5))
        for length in (512, 2048)
    ),
    *(Target("S4 kernel", *pair) for pair in ((512, "Cauchy", 4), (2048, "Cauchy", 11), (16_384, "Cauchy", 75))),
)
STEP_MS = 0.8
STEP_TARGETS = {"transformers": 10.0, "ONNX Runtime": 2.5}
KERNEL_ERROR = 1e-6


def targets(result: Row) -> str:
    """What was aimed at and what came out."""
    rows = [row for section in result.values() for row in section.get("times", [])]
    lines: list[list[str]] = []
    for target in TARGETS:
        for row in rows:
            same = (row["operation"], row["length"], row["batch"], row["backward"])
            if same == (target.operation, target.length, target.batch, target.backward):
                lines += _target(target, row)
    errors = [row["error"]["ssmphony"] for row in rows if row["operation"] == "S4 kernel"]
    if errors:
        lines.append(
            [
                "S4 kernel, error against float64",
                f"\u2264 {KERNEL_ERROR:.0e}",
                f"{max(errors):.0e}",
                met(max(errors) <= KERNEL_ERROR),
            ]
        )
    for section in result.values():
        lines += [line for row in section.get("steps", []) if row["batch"] == 1 for line in _step_targets(row)]
    return table(["target", "asked", "measured", ""], lines)


def _target(target: Target, row: Row) -> list[list[str]]:
    values = row.get(target.quantity, {})
    if target.peer not in values:
        return []
    ratio = values[target.peer] / values["ssmphony"]
    what = "peak memory" if target.quantity == "mb" else "time"
    name = f"{target.operation}, batch {target.batch}, length {target.length:,}, {_pass(row)}: {what} of {target.peer}"
    return [
        [
            name,
            f"\u2265 {target.asked:.0f} times ours",
            f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}",
            met(ratio >= target.asked),
        ]
    ]


def _step_targets(row: Row) -> list[list[str]]:
    ours = row["ms"]["DecodeStack"]
    lines = [["step of twelve Mamba layers", f"\u2264 {STEP_MS} ms", f"{ours:.2f} ms", met(ours <= STEP_MS)]]
    for peer, asked in STEP_TARGETS.items():
        if peer in row["ms"]:
            ratio = row["ms"][peer] / ours
            lines.append([f"step: time of {peer}", f"\u2265 {asked:g} times ours", f"{ratio:.1f}", met(ratio >= asked)])
    return lines


def times(section: Row, operation: str) -> str:
    """Time and peak memory of every form, and why some did not run."""
    rows = [row for row in section["times"] if row["operation"] == operation]
    forms = list(dict.fromkeys(name for row in rows for name in (*row["ms"], *row["left_out"])))
    header = ["batch", "length", "pass", *(f"{name}: ms; MB" for name in forms), "error of ours, of others"]
    header.append("of the roofline")
    lines = [
        [
            str(row["batch"]),
            f"{row['length']:,}",
            _pass(row),
            *(_cell(row, name) for name in forms),
            _errors(row["error"]),
            roofline(section["ceilings"], row),
        ]
        for row in rows
    ]
    reasons = {
        f"{name} at batch {row['batch']}, length {row['length']:,}, {_pass(row)}: {reason}": None
        for row in rows
        for name, reason in row["left_out"].items()
    }
    notes = f"\n\nNot run: {'; '.join(reasons)}." if reasons else ""
    return table(header, lines) + notes


def _cell(row: Row, name: str) -> str:
    if name not in row["ms"]:
        return DASH
    memory = row["mb"].get(name, math.nan)
    return _with_ratio(row["ms"], name, ".1f") + (f"; {memory:,.0f}" if memory == memory else "")


def _errors(error: Row) -> str:
    others = [value for name, value in error.items() if not name.startswith("ssmphony")]
    return f"{error.get('ssmphony', math.nan):.0e}, {f'{max(others):.0e}' if others else DASH}"


#: (batch, length) to bytes that have to pass through memory once and floating-point operations, an exponential as 14.
Work = Callable[[int, int], tuple[float, float]]
WORK: dict[str, Work] = {
    # u, delta, y, and B and C, which 256 channels share; for each state an exponential and three multiply-adds.
    "selective scan": lambda batch, length: (
        4.0 * batch * length * (3 * 256 + 2 * 16),
        20.0 * batch * length * 256 * 16,
    ),
    # The kernel is written; a product of two real tables of a row each state.
    "S4D kernel": lambda batch, length: (4.0 * 256 * length, 2.0 * 256 * 64 * length),
}


def roofline(ceilings: Row, row: Row) -> str:
    """The least time that bytes and operations allow, over the time taken."""
    if row["operation"] not in WORK or row["backward"] or "ssmphony" not in row["ms"]:
        return DASH
    moved, operations = WORK[row["operation"]](row["batch"], row["length"])
    return _share(ceilings, moved, operations, row["ms"]["ssmphony"], "memory_gb_s")


def _share(ceilings: Row, moved: float, operations: float, ms: float, path: str) -> str:
    if not ceilings:
        return DASH
    least = {"bytes": moved / ceilings[path] / 1e6, "operations": operations / ceilings["gflop_s"] / 1e6}
    bound = max(least, key=lambda name: least[name])
    return f"{least[bound] / ms:.0%} ({bound})"


def growth(section: Row, operation: str) -> str:
    """Exponents of a fit of log time over log length (forward, one row) and over log states."""
    rows = [r for r in section["times"] if r["operation"] == operation and r["batch"] == 1 and not r["backward"]]
    found: list[str] = []
    for name in dict.fromkeys(name for row in rows for name in row["ms"]):
        points = [(row["length"], row["ms"][name]) for row in rows if name in row["ms"]]
        if len(points) >= 3:
            found.append(f"{name} length^{exponent(points):.2f}")
    grown = [(row["n"], row["ms"]) for row in section.get("states", []) if row["operation"] == operation]
    if len(grown) >= 3:
        found.append(f"ssmphony states^{exponent(grown):.2f} ({grown[0][0]} to {grown[-1][0]})")
    return f"Time grows as: {', '.join(found)}." if found else ""


def exponent(points: list[tuple[float, float]]) -> float:
    """Slope of the least-squares line through (log x, log y)."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    middle_x, middle_y = (sum(axis) / len(logs) for axis in zip(*logs, strict=True))
    spread = sum((x - middle_x) ** 2 for x, _ in logs)
    return sum((x - middle_x) * (y - middle_y) for x, y in logs) / spread


def steps(section: Row) -> str:
    forms = list(section["steps"][0]["ms"])
    lines = [
        [
            str(row["batch"]),
            *(_with_ratio(row["ms"], name, ".2f") for name in forms),
            f"{row['ms_least'][forms[0]]:.2f} ms",
            f"{max(row['error'].values()):.0e}",
            _share(section["ceilings"], row["bytes"], row["operations"], row["ms"][forms[0]], "cache_gb_s"),
        ]
        for row in section["steps"]
    ]
    header = ["batch", *(f"{name}: ms" for name in forms), "least of ours", "largest difference", "of the roofline"]
    return table(header, lines)


def conditions(section: Row) -> str:
    machine, ceilings = section["machine"], section["ceilings"]
    packages = ", ".join(
        f"{name} {machine[name]}" for name in ("torch", "transformers", "onnxruntime") if machine.get(name)
    )
    turns = max(
        count for row in (*section.get("times", []), *section.get("steps", [])) for count in row["rounds"].values()
    )
    text = (
        f"Measured on {machine['date']}: {machine['cpu']}, {machine['threads']} threads, load before "
        f"{machine['load_before']}, Python {machine['python']}, {packages}, waiting threads "
        f"{'asleep' if machine['waiting'] == 'passive' else 'spinning'}. Medians of at most {turns} turns."
    )
    if ceilings:
        text += (
            f" Ceilings in the same run: {ceilings['memory_gb_s']:.0f} GB/s through memory (copy), "
            f"{ceilings['cache_gb_s']:.0f} GB/s of 16 MiB read again and again, {ceilings['gflop_s']:.0f} GFLOP/s "
            "(product of matrices)."
        )
    return text


def _pass(row: Row) -> str:
    return "forward and backward" if row["backward"] else "forward"


def _with_ratio(values: dict[str, float], name: str, form: str) -> str:
    """A value, and how many times ours (the first) it is."""
    ours = next(iter(values.values()))
    ratio = values[name] / ours
    if values[name] is ours:
        return f"{values[name]:{form}}"
    return f"{values[name]:{form}} ({ratio:.0f} times)" if ratio >= 10 else f"{values[name]:{form}} ({ratio:.1f} times)"
