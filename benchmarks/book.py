"""What ``ssmphony book`` costs: an audiobook, and an EPUB whose words light up.

    python -m benchmarks.book [--chapters 12] [--rounds 3] [--write]

The ways take turns, each from the start of its first process to the end of its last. Processor-seconds, of all
processes together, depend little on what else the machine does. Memory is that of the largest process at its peak.
Writes ``benchmarks/results/book.json``; ``--write`` also fills the table of the documentation from it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from itertools import cycle, islice
from pathlib import Path

from benchmarks.commands import CLI, Row, measured, parser, processor_s, rounds_of, store, take_turns
from benchmarks.spoken_texts import SENTENCES
from benchmarks.tables import table as markdown

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
        command = [*CLI, "book", str(source), "-o", str(out)]
        processor = processor_s()
        done = subprocess.run([sys.executable, "-c", _RUN, *command], check=True, capture_output=True, text=True)
        processor = processor_s() - processor
        hours, minutes, seconds = done.stderr.split(" chapters, ")[1].split(",")[0].split(":")
        audio = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
        kilobytes = int(done.stdout) / (1024 if sys.platform == "darwin" else 1)
        megabytes = out.stat().st_size / 1e6
    return {"audio_s": audio, "processor": processor / audio, "mb": megabytes, "peak_mb": kilobytes * 1024 / 1e6}


def measure(chapters: int, rounds: int) -> Row:
    ways = {name: partial(once, file, chapters) for name, file in WAYS.items()}
    return {"chapters": chapters, **take_turns(ways, rounds)}


def table(result: Row) -> str:
    header = ["output", "processor-minutes an hour of audio", "MB an hour of audio", "memory at the peak, MB"]
    rows: list[list[str]] = []
    for name, row in result["ways"].items():
        an_hour = 3600 / row["audio_s"]
        rows.append([name, f"{60 * row['processor']:.1f}", f"{row['mb'] * an_hour:.0f}", f"{row['peak_mb']:.0f}"])
    audio = max(row["audio_s"] for row in result["ways"].values())
    return (
        f"{markdown(header, rows)}\n\n{result['chapters']} chapters, {audio / 60:.0f} minutes of audio by the default "
        f"voice; {rounds_of(result)}; memory is that of the largest process. {measured(result)}"
    )


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--chapters", type=int, default=12)
    chosen = arguments.parse_args()
    store("book.json", measure(chosen.chapters, chosen.rounds), chosen.write)


if __name__ == "__main__":
    main()
