"""``ssmphony batch`` with one and two workers, against ``ssmphony say`` in a loop.

    python -m benchmarks.batch [--jobs 200] [--rounds 3] [--voice VOICE] [--write]

The ways take turns, each from the start of its first process to the end of its last; the loop, whose cost is the same
for each text, speaks only a tenth of them. Rates are seconds of audio a
second; processor-seconds, of all processes together, depend little on what else the machine does. Writes
``benchmarks/results/batch.json``; ``--write`` also fills the table of the documentation from it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import soundfile

from benchmarks.machine import RESULTS, machine
from benchmarks.texts import SENTENCES

Row = dict[str, Any]
Way = Callable[[list[str], Path, list[str]], None]
CLI = [sys.executable, "-m", "ssmphony.cli"]


def say(texts: list[str], out: Path, options: list[str]) -> None:
    out.mkdir()
    for number, text in enumerate(texts):
        subprocess.run([*CLI, "say", text, "-o", str(out / f"{number}.wav"), *options], check=True)


def batch(workers: int) -> Way:
    def run(texts: list[str], out: Path, options: list[str]) -> None:
        jobs = out.with_suffix(".txt")
        jobs.write_text("\n".join(texts), encoding="utf-8")
        command = [*CLI, "batch", str(jobs), "-o", str(out), "--workers", str(workers), *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

    return run


WAYS: dict[str, Way] = {
    "`ssmphony say` in a loop": say,
    "`ssmphony batch`, 1 worker": batch(1),
    "`ssmphony batch`, 2 workers": batch(2),
}


def processor_s() -> float:
    """Of all processes that have ended under this one."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def once(way: Way, texts: list[str], options: list[str]) -> Row:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        begin, processor = time.perf_counter(), processor_s()
        way(texts, out, options)
        wall, processor = time.perf_counter() - begin, processor_s() - processor
        audio = sum(soundfile.info(path).duration for path in out.glob("*.wav"))
    return {"audio_s": audio, "rate": audio / wall, "processor": processor / audio}


def measure(jobs: int, rounds: int, options: list[str]) -> Row:
    texts = [SENTENCES[number % len(SENTENCES)] for number in range(jobs)]
    about = machine()
    runs: dict[str, list[Row]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            runs[name].append(once(way, texts[: max(1, jobs // 10)] if way is say else texts, options))
            print(name, runs[name][-1], file=sys.stderr)
    ways = {name: {key: median(row[key] for row in rows) for key in rows[0]} for name, rows in runs.items()}
    return {"machine": about, "jobs": jobs, "rounds": rounds, "ways": ways}


def table(result: Row) -> str:
    slowest = next(iter(result["ways"].values()))["rate"]
    lines = ["| way | seconds of audio a second | processor-seconds a second of audio |", "| --- | --- | --- |"]
    for name, row in result["ways"].items():
        lines.append(f"| {name} | {row['rate']:.1f} ({row['rate'] / slowest:.1f} times) | {row['processor']:.3f} |")
    about, audio = result["machine"], max(row["audio_s"] for row in result["ways"].values())
    rounds = "one round" if result["rounds"] == 1 else f"medians of {result['rounds']} rounds"
    lines += [
        f"\n{result['jobs']} sentences, {audio:.0f} s of audio, of which the loop speaks a tenth; {rounds} in which "
        f"the ways take turns, with the start of Python and the loading of the voice. Measured on {about['date']}: "
        f"{about['cpu']}, {about['cores']} cores, load before {about['load_before']}."
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--voice")
    parser.add_argument("--write", action="store_true", help="fill the documentation's table")
    chosen = parser.parse_args()
    result = measure(chosen.jobs, chosen.rounds, ["--voice", chosen.voice] if chosen.voice else [])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "batch.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if chosen.write:
        from benchmarks.update_docs import main as update

        sys.argv[1:] = []
        update()


if __name__ == "__main__":
    main()
