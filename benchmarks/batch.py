"""``ssmphony batch`` with one and two workers, against ``ssmphony say`` in a loop.

    python -m benchmarks.batch [--jobs 200] [--rounds 3] [--voice VOICE] [--write]

The ways take turns, each from the start of its first process to the end of its last; the loop, whose cost is the same
for each text, speaks only a tenth of them. Rates are seconds of audio a
second; processor-seconds, of all processes together, depend little on what else the machine does. Writes
``benchmarks/results/batch.json``; ``--write`` also fills the table of the documentation from it.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import soundfile

from benchmarks.commands import CLI, Row, measured, parser, processor_s, rounds_of, store, take_turns
from benchmarks.spoken_texts import SENTENCES
from benchmarks.tables import table as markdown

Way = Callable[[list[str], Path, list[str]], None]


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
    few = texts[: max(1, jobs // 10)]
    ways = {name: partial(once, way, few if way is say else texts, options) for name, way in WAYS.items()}
    return {"jobs": jobs, **take_turns(ways, rounds)}


def table(result: Row) -> str:
    slowest = next(iter(result["ways"].values()))["rate"]
    rows = [
        [name, f"{row['rate']:.1f} ({row['rate'] / slowest:.1f} times)", f"{row['processor']:.3f}"]
        for name, row in result["ways"].items()
    ]
    header = ["command", "seconds of audio per second", "processor-seconds per second of audio"]
    audio = max(row["audio_s"] for row in result["ways"].values())
    return (
        f"{markdown(header, rows)}\n\n{result['jobs']} sentences, {audio:.0f} s of audio, of which the loop speaks a "
        f"tenth; {rounds_of(result)}, with the start of Python and the loading of the voice. {measured(result)}"
    )


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--jobs", type=int, default=200)
    arguments.add_argument("--voice")
    chosen = arguments.parse_args()
    options = ["--voice", chosen.voice] if chosen.voice else []
    store("batch.json", measure(chosen.jobs, chosen.rounds, options), chosen.write)


if __name__ == "__main__":
    main()
