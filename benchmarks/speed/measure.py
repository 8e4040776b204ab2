"""Measure systems that take turns, each in its own process."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any, Protocol

from benchmarks.machine import RESULTS, machine
from benchmarks.speed.process import Process, Program
from benchmarks.speed.systems import SystemMissing
from benchmarks.spoken_texts import text_of

WORDS = (10, 40, 400)
LONG = 10_000
SHARES = {10: 1.0, 40: 1.0, 400: 0.5}
SLOW_SHARES = {10: 1.0, 40: 0.5, 400: 0.12}
"""In how many of the rounds a text takes part. Slow systems need minutes for what others speak in seconds; fewer turns
suffice to show how slow they are."""
Row = dict[str, Any]


class Speaker(Protocol):
    """A system that takes turns; a `Process`, except in tests."""

    label: str
    language: str
    slow: bool

    def speak(self, text: str, *, only_first: bool = False) -> Row: ...


def take_turns(speakers: Mapping[str, Speaker], rounds: int, lengths: Sequence[int] = WORDS) -> dict[str, Row]:
    """Medians of every system on every text, by number of words; within a round one system follows another."""
    runs: dict[str, dict[int, list[Row]]] = {name: {words: [] for words in lengths} for name in speakers}
    for place, words in enumerate(lengths):
        for turn in range(rounds + 1):
            for name, speaker in speakers.items():
                if turn == 0 and place and speaker.slow:
                    continue  # warm from the text before
                if turn <= turns(words, rounds, slow=speaker.slow):
                    row = speaker.speak(text_of(words, speaker.language))
                    if turn:  # the first warms up
                        runs[name][words].append(row)
        note(f"{words} words: done")
    return {name: {str(words): _medians(rows) for words, rows in texts.items()} for name, texts in runs.items()}


def turns(words: int, rounds: int, *, slow: bool) -> int:
    """The rounds, of this many, in which a system speaks the text."""
    return max(1, round(rounds * (SLOW_SHARES if slow else SHARES).get(words, 1.0)))


def _medians(rows: list[Row]) -> Row:
    return {**{key: median(row[key] for row in rows) for key in rows[0]}, "runs": len(rows)}


def first_sound(speaker: Speaker, rounds: int, lengths: Sequence[int]) -> Row:
    """Median seconds to the first 100 ms for texts of very different length, taking turns."""
    times: dict[int, list[float]] = {words: [] for words in lengths}
    for _ in range(rounds):
        for words in lengths:
            row = speaker.speak(text_of(words, speaker.language), only_first=True)
            times[words].append(row["first_s"])
    return {str(words): median(values) for words, values in times.items()}


def memory(program: Program, threads: int, words: int) -> float:
    """Peak memory in MiB of a process that loads the system and speaks."""
    with Process(program, threads) as process:
        process.speak(text_of(words, process.language))
        return process.peak_memory_mb()


def until_first_sound(program: Program, threads: int) -> float:
    """Seconds from starting a process to its first sound."""
    begin = time.perf_counter()
    with Process(program, threads) as process:
        process.speak(text_of(10, process.language), only_first=True)
        return time.perf_counter() - begin


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


def start_up(program: Program, threads: int, rounds: int) -> Row:
    """Median seconds from process start to first sound: a Python program, and the command line where there is one."""
    text = text_of(10)
    starts: dict[str, Callable[[], float]] = {"program": lambda: until_first_sound(program, threads)}
    if program.system == "ssmphony":
        voice = ["--voice", program.voice] if program.voice else []
        say = [sys.executable, "-m", "ssmphony.cli", "say", text, "--raw", *voice]
        environment = {**program.environment(threads), "SSMPHONY_THREADS": str(threads)}
        starts["command"] = lambda: until_output(say, environment)
    elif program.system == "espeak-ng":
        starts["command"] = lambda: until_output(["espeak-ng", "-v", "hi", "--stdout", text])
    for start in starts.values():
        start()  # warms the disk cache
    return {f"{name}_s": median(start() for _ in range(rounds)) for name, start in starts.items()}


@contextmanager
def loaded(programs: Mapping[str, Program], threads: int) -> Generator[dict[str, Process], None, None]:
    """All systems that are installed, ready to speak. Says why one is left out."""
    with ExitStack() as stack:
        processes: dict[str, Process] = {}
        for name, program in programs.items():
            try:
                processes[name] = stack.enter_context(Process(program, threads))
            except SystemMissing as missing:
                note(f"{name} is left out: {missing}")
        yield processes


def measure(
    programs: Mapping[str, Program], threads: Sequence[int], rounds: int, lengths: Sequence[int], long: bool
) -> Row:
    """Measure everything.

    Args:
        programs: Systems by name; ``ssmphony`` is the voice whose promises the README shows.
        threads: Numbers of CPU threads, each measured with all systems. The last is used for memory and start-up.
        rounds: Turns of a system on a short text.
        lengths: Words of the texts.
        long: Whether ours also speaks a text of 10,000 words.
    """
    result: Row = {"machine": machine(threads[-1]), "first_sound_s": {}, "systems": {}}
    systems: dict[str, Row] = result["systems"]
    ends = sorted({min(lengths), max(lengths)})
    for number in threads:
        with loaded(programs, number) as processes:
            rows = take_turns(processes, rounds, lengths)
            if number == threads[-1] and "ssmphony" in processes:
                result["first_sound_s"] = first_sound(processes["ssmphony"], rounds, [*ends, *([LONG] if long else [])])
            for name, process in processes.items():
                about = {"label": _label(name, process.label), "language": process.language, "slow": process.slow}
                systems.setdefault(name, {**about, "speed": {}})["speed"][str(number)] = rows[name]
            note(f"{number} threads: done")
    for name, system in systems.items():
        program, number = programs[name], threads[-1]
        texts = [*ends, *([LONG] if long and name == "ssmphony" else [])]
        system["memory_mb"] = {str(words): memory(program, number, words) for words in texts}
        system["start"] = start_up(program, number, 3 if system.pop("slow") else min(rounds, 7))
        system["installed_mb"] = _installed_mb(name, program)
        note(f"{name}: {json.dumps(system)}")
    return result


def _label(name: str, label: str) -> str:
    """Our systems are distinguished by the name of the voice."""
    return name if name.startswith("ssmphony ") else label


def _installed_mb(name: str, program: Program) -> float | None:
    """The size of ours as `benchmarks.install` measured it, since this environment also holds what training needs."""
    stored = RESULTS / "install.json"
    if name == "ssmphony" and program.voice in (None, "default") and stored.exists():
        return json.loads(stored.read_text(encoding="utf-8"))["files"]
    return program.installed_mb()


def note(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
