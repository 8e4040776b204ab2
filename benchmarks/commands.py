"""Commands of ssmphony that are measured: trainings, and others in turns, with what their results have in common."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.tables import measured_on

Row = dict[str, Any]
CLI = [sys.executable, "-m", "ssmphony.cli"]


def processor_s() -> float:
    """Of all processes that have ended under this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(*arguments: object) -> float:
    """Run ``ssmphony`` in a process of its own: the processor-seconds that it took.

    Raises `subprocess.CalledProcessError` where it fails.
    """
    before = processor_s()
    subprocess.run([*CLI, *map(str, arguments)], check=True)
    return processor_s() - before


def train(config: Path, settings: Iterable[str], init: Path | None = None) -> float:
    """Train from a configuration with other settings, perhaps from other weights: the processor-seconds."""
    chosen = [part for setting in settings for part in ("--set", setting)]
    return run("train", config, *chosen, *(() if init is None else ("--init", init)))


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
    return f"{measured_on(result['machine'])}."


def parser(description: str | None) -> argparse.ArgumentParser:
    """With the options that all of them take."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--rounds", type=int, default=3)
    made.add_argument("--write", action="store_true", help="fill the pages")
    return made


def store(name: str, result: Row, write: bool) -> None:
    """Write a result, and if wanted the pages that show it."""
    from benchmarks.update_docs import update

    write_json(result, RESULTS / name)
    if write:
        update()
