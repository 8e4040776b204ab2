"""How soon a module of Speech Dispatcher answers a screen reader, how soon it stops, and whether its memory grows.

    python -m benchmarks.screen_reader [--systems small default espeak-ng] [--count 2000] [--write]

Utterances of one to three words, as a screen reader sends them: letters, keys, numbers, menu items and messages
(``configs/s4_spectrum/extra.tsv``), in random order, at rate 50. The modules are run without the dispatcher and spoken
to as it does, ours and the one of Debian for espeak-ng alike. Every other utterance is stopped as soon as its first
sound arrives; the others are spoken to their end. ``--batches 8 --hold`` waits for a line on standard input before each
of eight batches, so that other work on the machine can be paused for it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from benchmarks.machine import RESULTS, ROOT, machine, write_json
from benchmarks.tables import table as markdown

TEXTS = ROOT / "configs/s4_spectrum/extra.tsv"
ESPEAK = Path("/usr/lib/speech-dispatcher-modules/sd_espeak-ng")
LETTERS = "अआइईउऊएऐओऔकखगघचछजझटठडढतथदधनपफबभमयरलवशसह" + "abcdefghijklmnopqrstuvwxyz" + "0123456789" + ".,-@#/()"
KEYS = ("control_c", "alt_tab", "shift_A", "enter", "escape", "f5", "page-down", "control_shift_left", "backspace")
RATE = 50
FIRST_MS, STOP_MS, QUIET = 40.0, 10.0, 10 ** (-50 / 20)
SETTLE_S = 5.0
"""Between the start of a module and the first utterance: nobody logs in faster."""
WARM_UP = 20
"""Utterances before anything is measured."""


class Utterance(NamedTuple):
    command: str
    text: str


class Answer(NamedTuple):
    """Milliseconds from the request to the first sample, to the first audible one, and from a stop to its event."""

    first_ms: float
    audible_ms: float
    stop_ms: float | None


def utterances(count: int, seed: int = 0) -> list[Utterance]:
    """``count`` utterances, the same for every system."""
    rows = [line.split("\t")[-1] for line in TEXTS.read_text(encoding="utf-8").splitlines()]
    texts = [text for text in rows if len(text.split()) <= 3]
    chance = random.Random(seed)
    kinds = {
        "letter": lambda: Utterance("CHAR", chance.choice(LETTERS)),
        "key": lambda: Utterance("KEY", chance.choice(KEYS)),
        "number": lambda: Utterance("SPEAK", f"<speak>{chance.choice((9, 99, 2030)) * chance.random():.0f}</speak>"),
        "text": lambda: Utterance("SPEAK", f"<speak>{chance.choice(texts)}</speak>"),
    }
    return [kinds[name]() for name in chance.choices(list(kinds), (3, 1, 1, 5), k=count)]


class Peer:
    """A module, and its two pipes."""

    def __init__(self, system: str) -> None:
        ours = system != "espeak-ng"
        command = [sys.executable, "-m", "ssmphony.cli", "speechd"] if ours else [str(ESPEAK)]
        environment = dict(os.environ)
        if ours:
            folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"screen-reader-{os.getpid()}.conf"
            folder.write_text(f"Voice {system}\n", encoding="utf-8")
            command.append(str(folder))
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.commands: IO[bytes] = self.process.stdin
        self.events: IO[bytes] = self.process.stdout
        self.samples = np.zeros(0, np.int16)
        self.rate = 1
        begun = time.perf_counter()
        self.send("INIT\n")
        assert self.event().startswith("299"), "the module cannot speak"
        self.start_s = time.perf_counter() - begun
        self.ask("AUDIO", "audio_output_method=server")
        self.ask("SET", f"rate={RATE}\npitch=0\nvolume=100\npunctuation_mode=some\nlanguage=hi\nvoice=male1")

    def send(self, text: str) -> None:
        self.commands.write(text.encode())
        self.commands.flush()

    def event(self) -> str:
        """The last line of the next reply or event; `samples` and `rate` are those of an event with sound."""
        while line := self.events.readline():
            if line.startswith(b"705-sample_rate="):
                self.rate = int(line[16:])
            elif line.startswith(b"705-AUDIO\0"):
                data = re.sub(rb"\x7d(.)", lambda match: bytes([match[1][0] ^ 0x20]), line[10:-1], flags=re.DOTALL)
                self.samples = np.frombuffer(data, "<i2")
            elif line[3:4] == b" ":
                return line.decode().strip()
        raise EOFError("the module is gone")

    def ask(self, command: str, body: str) -> None:
        self.send(f"{command}\n")
        self.event()
        self.send(f"{'.' if body.startswith('.') else ''}{body}\n.\n")
        self.event()

    def speak(self, utterance: Utterance, stop: bool) -> Answer | None:
        """None for what a module has no sound for."""
        begun = time.perf_counter()
        self.ask(*utterance)  # a text of a single dot is written as two
        line = self.event()
        while not line.startswith(("705", "702", "703")):
            line = self.event()
        first = time.perf_counter() - begun
        if not line.startswith("705"):
            return None
        loud = np.flatnonzero(np.abs(self.samples.astype(int)) > QUIET * 32768)
        audible = first + (loud[0] if len(loud) else len(self.samples)) / self.rate
        begun = time.perf_counter()
        if stop:
            self.send("STOP\n")
        while not line.startswith(("702", "703")):
            line = self.event()
        stopped = 1000 * (time.perf_counter() - begun) if stop else None
        return Answer(1000 * first, 1000 * audible, stopped)

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) / 1024

    def close(self) -> None:
        self.send("QUIT\n")
        self.process.wait(30)


def batches(items: Sequence[Utterance], count: int, hold: bool) -> Iterator[Sequence[Utterance]]:
    size = -(-len(items) // count)
    for place in range(0, len(items), size):
        if hold:
            print("ready", flush=True)
            sys.stdin.readline()
        yield items[place : place + size]
    if hold:
        print("done", flush=True)


def measure(system: str, count: int, parts: int, hold: bool) -> dict[str, Any]:
    peer = Peer(system)
    time.sleep(SETTLE_S)
    for number, utterance in enumerate(utterances(WARM_UP, seed=1)):
        peer.speak(utterance, stop=number % 2 == 0)
    answers: list[Answer | None] = []
    memory = [peer.memory_mb()]
    for batch in batches(utterances(count), parts, hold):
        for utterance in batch:
            answers.append(peer.speak(utterance, stop=len(answers) % 2 == 0))
            if len(answers) % max(1, count // 20) == 0:
                memory.append(peer.memory_mb())
    peer.close()
    heard = [answer for answer in answers if answer is not None]
    stops = [answer.stop_ms for answer in heard if answer.stop_ms is not None]
    return {
        "system": system,
        "count": count,
        "silent": len(answers) - len(heard),
        "start_s": peer.start_s,
        "first_ms": quantiles([answer.first_ms for answer in heard]),
        "audible_ms": quantiles([answer.audible_ms for answer in heard]),
        "stop_ms": quantiles(stops),
        "memory_mb": [memory[len(memory) // 4], memory[-1]],
    }


def quantiles(values: Sequence[float]) -> list[float]:
    """Median, 95 %, 99 % and the largest."""
    return [float(value) for value in np.quantile(np.array(values), (0.5, 0.95, 0.99, 1.0))]


def table(result: dict[str, Any]) -> str:
    """The results as Markdown, with what was asked for."""
    header = ["module, voice", "utterances", "first sample, ms (50 %, 95 %, 99 %)", "first audible sample, ms",
              "stop, ms (50 %, 95 %, 99 %)", "memory, MB (after a quarter, at the end)", "start, s"]  # fmt: skip
    rows: list[list[str]] = []
    for row in result["rows"]:
        name = "espeak-ng" if row["system"] == "espeak-ng" else f"ssmphony, `{row['system']}`"
        first, audible, stop = (", ".join(f"{value:.3g}" for value in row[key][:3])
                                for key in ("first_ms", "audible_ms", "stop_ms"))  # fmt: skip
        memory = ", ".join(f"{value:.0f}" for value in row["memory_mb"])
        rows.append([name, f"{row['count']:,}", first, audible, stop, memory, f"{row['start_s']:.1f}"])
    ours = result["rows"][0]
    met = ours["first_ms"][1] <= FIRST_MS and ours["stop_ms"][1] <= STOP_MS
    notes = (
        f"Asked of `{ours['system']}`: first sample ≤ {FIRST_MS:.0f} ms and stop ≤ {STOP_MS:.0f} ms in 95 % of "
        f"utterances: {'met' if met else 'missed'}. {result['setting']} Measured {result['date']}, {result['cpu']}, "
        f"{result['cores']} cores."
    )
    return f"{markdown(header, rows)}\n\n{notes}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", nargs="+", default=["small", "default", "espeak-ng"])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--batches", type=int, default=1)
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--setting", default="", help="a sentence on what else the machine did, for the page")
    parser.add_argument("--write", action="store_true", help="store the rows; others stay")
    options = parser.parse_args()
    rows = [measure(system, options.count, options.batches, options.hold) for system in options.systems]
    path = RESULTS / "screen_reader.json"
    before = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    measured = {row["system"]: row for row in (*before, *rows)}
    order = [name for name in ("small", "default", "espeak-ng") if name in measured]
    order += [name for name in measured if name not in order]
    result = {**machine(1), "setting": options.setting, "rows": [measured[name] for name in order]}
    print(table({**result, "rows": rows}), file=sys.stderr)
    if options.write:
        write_json(result, path)


if __name__ == "__main__":
    main()
