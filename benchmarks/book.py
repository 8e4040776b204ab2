"""What ``ssmphony book`` costs: an audiobook, and an EPUB whose words light up.

    python -m benchmarks.book [--chapters 12] [--rounds 3] [--write]

The ways take turns, each from the start of its first process to the end of its last. Processor-seconds, of all
processes together, depend little on what else the machine does. Memory is that of the largest process at its peak.
Writes ``benchmarks/results/book.json``; ``--write`` also fills the table of the documentation from it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.batch import processor_s
from benchmarks.machine import RESULTS, machine
from benchmarks.texts import SENTENCES

Row = dict[str, Any]
WAYS = {"audiobook, `.m4b`": "book.m4b", "EPUB with overlays": "book.epub"}
_SENTENCES = 60  # of a chapter, in paragraphs of six
_RUN = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def text(chapters: int) -> str:
    """A book of plain text."""
    sentences = cycle(SENTENCES)
    pages: list[str] = []
    for number in range(1, chapters + 1):
        paragraphs = (" ".join(islice(sentences, 6)) for _ in range(_SENTENCES // 6))
        pages += [f"अध्याय {number}", *paragraphs]
    return "\n\n".join(pages) + "\n"


def once(name: str, chapters: int) -> Row:
    """One book, made by a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "source.txt", Path(folder) / name
        source.write_text(text(chapters), encoding="utf-8")
        command = [sys.executable, "-m", "ssmphony.cli", "book", str(source), "-o", str(out)]
        processor = processor_s()
        done = subprocess.run([sys.executable, "-c", _RUN, *command], check=True, capture_output=True, text=True)
        processor = processor_s() - processor
        hours, minutes, seconds = done.stderr.split(" chapters, ")[1].split(",")[0].split(":")
        audio = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
        kilobytes = int(done.stdout) / (1024 if sys.platform == "darwin" else 1)
        megabytes = out.stat().st_size / 1e6
    return {"audio_s": audio, "processor": processor / audio, "mb": megabytes, "peak_mb": kilobytes * 1024 / 1e6}


def measure(chapters: int, rounds: int) -> Row:
    about = machine()
    runs: dict[str, list[Row]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, file in WAYS.items():
            runs[name].append(once(file, chapters))
            print(name, runs[name][-1], file=sys.stderr)
    ways = {name: {key: median(row[key] for row in rows) for key in rows[0]} for name, rows in runs.items()}
    return {"machine": about, "chapters": chapters, "rounds": rounds, "ways": ways}


def table(result: Row) -> str:
    lines = [
        "| output | processor-minutes an hour of audio | MB an hour of audio | memory at the peak, MB |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in result["ways"].items():
        an_hour = 3600 / row["audio_s"]
        lines.append(f"| {name} | {60 * row['processor']:.1f} | {row['mb'] * an_hour:.0f} | {row['peak_mb']:.0f} |")
    about, audio = result["machine"], max(row["audio_s"] for row in result["ways"].values())
    rounds = "one round" if result["rounds"] == 1 else f"medians of {result['rounds']} rounds in which they take turns"
    lines += [
        f"\n{result['chapters']} chapters, {audio / 60:.0f} minutes of audio by the default voice; {rounds}; memory is "
        f"that of the largest process. Measured on {about['date']}: {about['cpu']}, {about['cores']} cores, load "
        f"before {about['load_before']}."
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chapters", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="fill the documentation's table")
    chosen = parser.parse_args()
    result = measure(chosen.chapters, chosen.rounds)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "book.json").write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if chosen.write:
        from benchmarks.update_docs import main as update

        sys.argv[1:] = []
        update()


if __name__ == "__main__":
    main()
