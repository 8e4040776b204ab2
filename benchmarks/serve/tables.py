"""The results of `benchmarks.serve` as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.serve.servers import NAIVE, OURS
from benchmarks.tables import measured_on, met, table

Row = dict[str, Any]
AT_LIMIT = 0.95
"""Of the compute limit: what counts as having reached it."""


def sections(result: Row) -> str:
    """Everything that was measured: targets first."""
    parts = [f"### Targets\n\n{targets(result)}"]
    if "concurrency" in result:
        parts.append(f"### Streams at once\n\n{concurrency(result['concurrency'])}")
    if "arrivals" in result:
        parts.append(f"### Requests at random moments\n\n{arrivals(result['arrivals'])}")
    if "memory" in result:
        parts.append(f"### Memory\n\n{memory(result['memory'])}")
    return "\n\n".join(parts)


def targets(result: Row) -> str:
    rows: list[list[str]] = []

    def add(name: str, asked: str, measured: str, reached: bool) -> None:
        rows.append([name, asked, measured, met(reached)])

    streams = {row["streams"]: row for row in result.get("concurrency", {}).get("rows", [])}
    for count, most in ((1, 60), (32, 400)):
        if count in streams:
            first = streams[count][OURS]["first_p95_ms"]
            add(f"first audio, 95% of requests, {count} at once", f"≤ {most} ms", f"{first:.0f} ms", first <= most)
    if 32 in streams:
        row = streams[32]
        add(
            "rate of 32 streams",
            f"≥ 1.3 times that of one, or the compute limit (≥ {AT_LIMIT:.0%} of it)",
            f"{row['of_single']:.2f} times; {row['of_limit']:.0%}",
            row["of_single"] >= 1.3 or row["of_limit"] >= AT_LIMIT,
        )
    if "memory" in result:
        found = result["memory"]
        span = f"last {found['minutes'] * 2 / 3:.3g} of {found['minutes']:g} minutes"
        minutes, seconds = found["minutes_deviation_mb"], found["deviation_mb"]
        measured = f"medians of minutes ± {minutes:.1f} MB, single seconds ± {seconds:.0f} MB"
        add(f"memory, {span}", "± 5 MB", measured, seconds <= 5)
        add("memory of an idle server", "≤ 150 MB", f"{found['idle_mb']:.0f} MB", found["idle_mb"] <= 150)
    return table(["target", "asked", "measured", ""], rows)


def concurrency(section: Row) -> str:
    header = ["streams", *_columns(), "of the rate of one", "of the compute limit"]
    rows = [
        [str(row["streams"]), *_cells(row), f"{row['of_single']:.2f}", f"{row['of_limit']:.0%}"]
        for row in section["rows"]
    ]
    ours = section["rows"][-1][OURS]
    costs = (
        f"The compute limit of the machine, one process per core and no server: {section['limit']:.1f} seconds of "
        f"audio a second. At {section['rows'][-1]['streams']} streams a second of audio cost "
        f"{ours['server_processor']:.3f} processor-seconds in the server and {ours['client_processor']:.3f} in the "
        f"listeners; the server held {section['memory_mb']:.0f} MB at the end."
    )
    return f"{table(header, rows)}\n\n{costs} {conditions(section)}"


def arrivals(section: Row) -> str:
    header = ["load", "requests a second", *_columns()]
    rows = [[f"{row['share']:.0%}", f"{row['rate']:.1f}", *_cells(row)] for row in section["rows"]]
    limit = f"Load is relative to the compute limit, {section['limit']:.1f} seconds of audio a second."
    return f"{table(header, rows)}\n\n{limit} {conditions(section)}"


def _columns() -> list[str]:
    first = "first audio, ms (50%, 95%)"
    return [
        f"ssmphony: {first}",
        "audio s/s",
        "refused",
        f"one after another: {first}",
        "audio s/s",
        "ratio: first audio (50%, 95%)",
        "ratio: audio s/s",
    ]


def _cells(row: Row) -> list[str]:
    ours, other, ratio = row[OURS], row[NAIVE], row["ratios"]
    return [
        f"{ours['first_p50_ms']:.0f}, {ours['first_p95_ms']:.0f}",
        f"{ours['rate']:.1f}",
        f"{ours['refused']:g} of {ours['requests']:g}",
        f"{other['first_p50_ms']:.0f}, {other['first_p95_ms']:.0f}",
        f"{other['rate']:.1f}",
        f"{ratio['first_p50_ms']:.1f}, {ratio['first_p95_ms']:.1f}",
        f"{ratio['rate']:.2f}",
    ]


def memory(section: Row) -> str:
    names = {
        "idle_mb": "idle, before the first request",
        "median_mb": "median under load, last two thirds",
        "peak_mb": "maximum under load",
        "after_mb": "two seconds after the load",
    }
    rows = [[name, f"{section[key]:.0f}"] for key, name in names.items()]
    load = (
        f"{section['minutes']:g} minutes of mixed load by {section['listeners']} listeners: {section['requests']} "
        f"requests in all formats, {section['refused']} of them refused, as intended. In the last two thirds "
        f"no median over a minute was more than {section['minutes_deviation_mb']:.1f} MB from the overall median, no "
        f"single sample (one a second) more than {section['deviation_mb']:.1f} MB, and the drift was "
        f"{section['drift_mb_per_hour']:+.1f} MB an hour."
    )
    return f"{table(['resident memory', 'MB'], rows)}\n\n{load} {conditions(section)}"


def conditions(section: Row) -> str:
    about = section["machine"]
    rounds = f" Medians of {section['rounds']} rounds." if section.get("rounds", 1) > 1 else ""
    return f"{measured_on(about)}, Python {about['python']}, onnxruntime {about['onnxruntime']}.{rounds}"
