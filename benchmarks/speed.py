"""Speed, latency, memory and start-up, side by side with espeak-ng and a VITS of the size of MMS-TTS Hindi.

    python -m benchmarks.speed [--voice VOICE] [--rounds 9] [--quick] [--write]

Two threads, warm, medians; the systems take turns in one process, so that a busy moment of the machine meets them
all. Memory and start-up are taken in a process of their own. Writes ``benchmarks/results/speed.json``; ``--write``
also fills the tables of the documentation from it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.systems import SYSTEMS, System, SystemMissing, voice_argument
from benchmarks.texts import text_of
from ssmphony.evaluation.speed import peak_memory_mb

RESULTS = Path(__file__).parent / "results"
THREADS = 2
WORDS = (10, 40, 400)
LONG = 10_000
FIRST_S = 0.1
Row = dict[str, Any]


class _Enough(Exception):
    """The first sound was heard; the rest need not be made."""


def speak_once(system: System, text: str, *, only_first: bool = False) -> Row:
    """One reading: audio seconds, wall and processor seconds, seconds until the first 100 ms were there."""
    samples, first = 0, float("nan")
    begin, processor = time.perf_counter(), time.process_time()

    def heard(count: int) -> None:
        nonlocal samples, first
        samples += count
        if first != first and samples >= FIRST_S * system.sample_rate:
            first = time.perf_counter() - begin
            if only_first:
                raise _Enough

    try:
        system.speak(text, heard)
    except _Enough:
        return {"first_s": first}
    wall, processor = time.perf_counter() - begin, time.process_time() - processor
    audio = samples / system.sample_rate
    return {"audio_s": audio, "wall": wall / audio, "processor": processor / audio, "first_s": first}


def take_turns(systems: dict[str, System], rounds: int) -> dict[str, Row]:
    """Medians of every system on every text; within a round one follows the other."""
    runs: dict[str, dict[int, list[Row]]] = {name: {words: [] for words in WORDS} for name in systems}
    for words in WORDS:
        text = text_of(words)
        for turn in range(rounds + 1):
            for name, system in systems.items():
                if turn > _turns(name, words, rounds):
                    continue
                row = speak_once(system, text)
                if turn:  # the first warms up
                    runs[name][words].append(row)
        _note(f"{words} words: done")
    return {name: {str(words): _medians(rows) for words, rows in texts.items()} for name, texts in runs.items()}


def _turns(name: str, words: int, rounds: int) -> int:
    """VITS takes minutes for what the others say in seconds; fewer turns still give its order of magnitude."""
    share = {10: 1.0, 40: 0.5, 400: 0.12}[words] if name == "vits" else {10: 1.0, 40: 1.0, 400: 0.5}[words]
    return max(1, round(rounds * share))


def _medians(rows: list[Row]) -> Row:
    return {**{key: median(row[key] for row in rows) for key in rows[0]}, "runs": len(rows)}


def first_sound(system: System, rounds: int) -> Row:
    """Time to the first 100 ms for texts of very different length, taking turns."""
    texts = {words: text_of(words) for words in (*WORDS[::2], LONG)}
    times: dict[int, list[float]] = {words: [] for words in texts}
    for _ in range(rounds):
        for words, text in texts.items():
            times[words].append(speak_once(system, text, only_first=True)["first_s"])
    return {str(words): median(values) for words, values in times.items()}


def work(job: str, name: str, words: int, voice: str | None) -> None:
    """What a process of its own does: speak, then report its peak memory, or report the first sound at once."""
    system = SYSTEMS[name](voice, THREADS)
    if job == "memory":
        system.speak(text_of(words), lambda _: None)
        print(peak_memory_mb())
    else:
        speak_once(system, text_of(words), only_first=True)
        print("first", flush=True)


def child(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "benchmarks.speed", "--worker", *arguments]


def memory(name: str, words: int, voice: str | None) -> float:
    command = child("memory", name, str(words), voice or "")
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def until_output(command: list[str], environment: dict[str, str] | None = None) -> float:
    """Seconds from starting a process to the first byte it writes."""
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment) as process:
        assert process.stdout
        byte = process.stdout.read(1)
        seconds = time.perf_counter() - begin
        process.kill()
    if not byte:
        raise RuntimeError(f"{' '.join(command)} wrote nothing")
    return seconds


def start_up(name: str, voice: str | None, rounds: int) -> Row:
    """Process start to first sound: a Python program, and the command line where there is one."""
    text = text_of(10)
    ways: dict[str, Callable[[], float]] = {"program": lambda: until_output(child("first", name, "10", voice or ""))}
    if name == "ssmphony":
        chosen = ["--voice", voice] if voice else []
        say = [sys.executable, "-m", "ssmphony.cli", "say", text, "--raw", *chosen]
        ways["command"] = lambda: until_output(say, {**os.environ, "SSMPHONY_THREADS": str(THREADS)})
    elif name == "espeak-ng":
        ways["command"] = lambda: until_output(["espeak-ng", "-v", "hi", "--stdout", text])
    for way in ways.values():
        way()  # warms the disk cache
    return {f"{way}_s": median(measure() for _ in range(rounds)) for way, measure in ways.items()}


def machine() -> Row:
    def of(package: str) -> str:
        try:
            return version(package)
        except PackageNotFoundError:
            return ""

    cpu = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "")
    versions = {package: of(package) for package in ("onnxruntime", "numpy", "torch", "transformers")}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return {
        "date": datetime.now(timezone.utc).date().isoformat(),
        "cpu": cpu or platform.processor(),
        "cores": os.cpu_count(),
        "threads": THREADS,
        "python": platform.python_version(),
        "load_before": round(load, 2),
        **versions,
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def _note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def measure(voice: str | None, rounds: int, quick: bool) -> Row:
    """Everything; ``quick`` leaves VITS and the text of 10,000 words out."""
    about = machine()
    systems: dict[str, System] = {}
    for name, build in SYSTEMS.items():
        try:
            if not (quick and name == "vits"):
                systems[name] = build(voice, THREADS)
        except SystemMissing as missing:
            _note(f"{name} is left out: {missing}")
    first = first_sound(systems["ssmphony"], rounds)
    speeds = take_turns(systems, rounds)
    result: Row = {"machine": about, "first_sound_s": first, "systems": {}}
    for name, system in systems.items():
        lengths = (10, 400) if name != "ssmphony" or quick else (10, 400, LONG)
        result["systems"][name] = {
            "label": system.label,
            "speed": speeds[name],
            "memory_mb": {str(words): memory(name, words, voice) for words in lengths},
            "start": start_up(name, voice, 3 if name == "vits" else min(rounds, 7)),
        }
        _note(f"{name}: {json.dumps(result['systems'][name])}")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--voice", help="a voice or its folder; the default one, if not given")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="without VITS and the text of 10,000 words")
    parser.add_argument("--write", action="store_true", help="fill the tables of the documentation")
    parser.add_argument("--output", type=Path, default=RESULTS / "speed.json")
    parser.add_argument("--worker", nargs=4, metavar=("JOB", "SYSTEM", "WORDS", "VOICE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        job, name, words, voice = arguments.worker
        return work(job, name, int(words), voice or None)
    result = measure(voice_argument(arguments.voice), arguments.rounds, arguments.quick)
    arguments.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    from benchmarks.tables import speed_table

    print(speed_table(result))
    if arguments.write:
        from benchmarks.update_docs import update

        update()
    return None


if __name__ == "__main__":
    main()
