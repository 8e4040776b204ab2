"""What trainings of SMamba cost, and how many steps they take to a loss: the twins next to each other.

    python -m benchmarks.smamba.training RUN [RUN ...] [--steps 20] [--write]

Losses are those that the runs logged on their validation clips; the goal of each is the highest of what the runs came
to. Time and memory are those of another training with the same settings, of ``--steps`` steps in a folder that is
thrown away; the start of a training, measured by one of two steps, is taken off.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

from benchmarks.commands import CLI
from benchmarks.curves import scalars
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.smamba import tables
from benchmarks.tables import Row
from benchmarks.update_docs import update
from ssmphony.config import load_json

LOSSES = ("val/spectral", "val/spoken", "val/kl", "val/duration", "val/pitch")
START_STEPS = 2


def cost(run: Path, steps: int) -> Row:
    """Processor-seconds of a step, and peak memory in MB."""
    seconds, memory = zip(*(train(run, count) for count in (START_STEPS, START_STEPS + steps)), strict=True)
    return {"seconds": (seconds[1] - seconds[0]) / steps, "memory_mb": max(memory)}


def train(run: Path, steps: int) -> tuple[float, float]:
    """Processor-seconds and peak memory in MB of a training with the settings of the run.

    Raises `subprocess.CalledProcessError` where it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        changed = {
            "run.out": f"{folder}/run",
            "run.progress": "false",
            "run.validate_every": steps + 1,
            "task.optimiser.max_steps": steps,
            "task.optimiser.warmup": 1,
        }
        settings = [part for name, value in changed.items() for part in ("--set", f"{name}={value}")]
        process = subprocess.Popen([*CLI, "train", str(run / "config.json"), *settings])
        _, status, used = os.wait4(process.pid, 0)
        if code := os.waitstatus_to_exitcode(status):
            raise subprocess.CalledProcessError(code, process.args)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def compare(runs: list[Path], steps: int) -> Row:
    """Costs, final losses, and the first steps at which the runs reached what all of them reached."""
    about, rows, curves = machine(1), list[Row](), list[dict[str, list[tuple[int, float]]]]()
    for run in runs:
        logged = scalars(run)
        curves.append({name: logged[name] for name in LOSSES if logged.get(name)})
        rows.append({"name": run.name, "steps": max(step for curve in curves[-1].values() for step, _ in curve)})
        rows[-1] |= {"parameters": parameters(run), "final": {name: curve[-1][1] for name, curve in curves[-1].items()}}
    common = [name for name in LOSSES if all(name in found for found in curves)]
    goals = {name: max(row["final"][name] for row in rows) for name in common}
    for run, row, found in zip(runs, rows, curves, strict=True):
        row["final"] = {name: row["final"][name] for name in common}
        row["reached"] = {name: first_below(found[name], goal) for name, goal in goals.items()}
        row |= cost(run, steps)
    return {"machine": about, "timed_steps": steps, "goals": goals, "rows": rows}


def first_below(curve: list[tuple[int, float]], goal: float) -> int | None:
    """The first step of a curve whose value is no higher than the goal."""
    return next((step for step, value in curve if value <= goal), None)


def parameters(run: Path) -> int:
    """Of the model, without its codec."""
    from ssmphony.training.config import VoiceConfig

    block = VoiceConfig(**load_json(run / "config.json")["voice"])
    model = block.model_settings(len(block.frontend_symbols())).build()
    return sum(part.numel() for part in model.parameters())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", type=Path, nargs="+")
    options.add_argument("--steps", type=int, default=20, help="that are timed (20)")
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    arguments = options.parse_args()
    result = compare(arguments.runs, arguments.steps)
    print(tables.training(result))
    if arguments.write:
        write_json(result, RESULTS / "smamba_training.json")
        update()


if __name__ == "__main__":
    main()
