"""Commands of ssmphony that are measured in turns: the loop over them, and what their results have in common."""

from __future__ import annotations

import argparse
import json
import resource
import sys
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

from benchmarks.machine import RESULTS, machine

Row = dict[str, Any]
CLI = [sys.executable, "-m", "ssmphony.cli"]


def processor_s() -> float:
    """Of all processes that have ended under this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def take_turns(ways: Mapping[str, Callable[[], Row]], rounds: int) -> Row:
    """The medians of each way's figures over ``rounds`` rounds, in which the ways take turns."""
    about = machine()
    runs: dict[str, list[Row]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            runs[name].append(way())
            print(name, runs[name][-1], file=sys.stderr)
    medians = {name: {key: median(row[key] for row in rows) for key in rows[0]} for name, rows in runs.items()}
    return {"machine": about, "rounds": rounds, "ways": medians}


def rounds_of(result: Row) -> str:
    """How often it was measured, in words."""
    return "one round" if result["rounds"] == 1 else f"medians of {result['rounds']} rounds in which they take turns"


def measured(result: Row) -> str:
    """When and on which machine, as a sentence."""
    about = result["machine"]
    return f"Measured on {about['date']}: {about['cpu']}, {about['cores']} cores, load before {about['load_before']}."


def parser(description: str | None) -> argparse.ArgumentParser:
    """With the options that all of them take."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--write", action="store_true", help="fill the documentation's table")
    return made


def store(name: str, result: Row, write: bool) -> None:
    """Write a result, and if wanted the pages that show it."""
    from benchmarks.update_docs import update

    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if write:
        update()
