"""Which form of SSMphony is better at what: voices of one teacher side by side, such as one of mels and one of spectra.

    python -m benchmarks.teacher.forms VOICE VOICE [...] [--rounds 5] [--write]

Quality comes from what ``python -m benchmarks.teacher VOICE --write`` stored of each; speed and memory are measured
here, in turns, each in a process of its own. Writes ``benchmarks/results/teacher_forms.json``; ``--write`` also fills
the page.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.commands import measured, parser
from benchmarks.machine import RESULTS, machine, write_json
from benchmarks.tables import number, table
from benchmarks.voices import voice_argument
from ssmphony.config import load_json
from ssmphony.evaluation.speed import card, measure_apart
from ssmphony.types import SsmphonyError

Row = dict[str, Any]


def quality(name: str) -> Row:
    """What is stored of a voice. Raises `SsmphonyError` where nothing is."""
    path = RESULTS / f"teacher_{name}.json"
    if not path.exists():
        raise SsmphonyError(f"{path} is missing: run `python -m benchmarks.teacher` with this voice first")
    return load_json(path)


def measure(voices: list[str], rounds: int) -> Row:
    """Rows of the voices in their order, with the medians of their speed."""
    about, chosen = machine(), [voice_argument(voice) for voice in voices]
    runs: dict[str | None, list[Row]] = {voice: [] for voice in chosen}
    for _ in range(rounds):
        for voice in chosen:
            runs[voice].append(measure_apart(voice))
    rows = list[Row]()
    for voice in chosen:
        what = card(voice)
        stored = quality(what["name"])
        rows.append(
            {
                "name": what["name"],
                "systems": [what["voice"]["model"]["kind"], what["voice"]["codec"]["kind"]],
                "graphs_mb": sum(what["graphs"].values()) / 1e6,
                "date": stored["date"],
                "quality": stored["speakers"]["all"],
                "contrasts": stored["contrasts"].get("all"),
                "robustness": stored["robustness"],
                **{key: median(run[key] for run in runs[voice]) for key in runs[voice][0]},
            }
        )
    return {"machine": about, "rounds": rounds, "rows": rows}


def rendered(result: Row) -> str:
    """A column for each voice; the teacher's figures first."""
    rows = result["rows"]
    teacher = rows[0]["quality"]["teacher"]
    lines = list[list[str]]()

    def line(label: str, cell: Callable[[Row], str], of_teacher: str = "") -> None:
        lines.append([label, of_teacher, *(cell(row) for row in rows)])

    def compared(label: str, figure: str, digits: int, scale: float = 1.0) -> None:
        def cell(row: Row) -> str:
            return number(row["quality"]["free"].get(figure), digits, scale)

        line(label, cell, number(teacher.get(figure), digits, scale))

    line("system", lambda row: " → ".join(f"`{kind}`" for kind in row["systems"]))
    compared("DistillMOS", "distillmos", 2)
    line(
        "the same with the teacher's prosody, or, of mels, as a copy of its sound",
        lambda row: number(row["quality"].get("prosody", {}).get("distillmos")),
    )
    compared("phone error, %", "phones", 1, 100)
    compared("character error, %", "characters", 1, 100)
    line("log-F0 RMSE in the teacher's timing", lambda row: number(row["quality"]["log_f0_rmse"], 3))
    line("error of a phone's duration, ms", lambda row: number(row["quality"]["duration_ms"], 1))
    line("similarity to the teacher's voice", lambda row: number(row["quality"].get("own"), 3))
    if all(row["contrasts"] for row in rows):
        share = {who: [100 * row["contrasts"][who] / row["contrasts"]["pairs"] for row in rows] for who in
                 ("teacher", "student")}  # fmt: skip
        lines.append(
            ["minimal pairs confused, %", f"{share['teacher'][0]:.1f}", *(f"{one:.1f}" for one in share["student"])]
        )
    if all(row["robustness"] for row in rows):
        line("clips broken", lambda row: f"{row['robustness']['broken']} of {row['robustness']['clips']:,}")
    line("processor-seconds for a second of sound", lambda row: f"{row['processor']:.4f}")
    line("seconds for a second of sound", lambda row: f"{row['wall']:.4f}")
    line("first 100 ms, ms", lambda row: f"{1e3 * row['first_s']:.0f}")
    line("peak memory, MB", lambda row: f"{row['memory_mb']:.0f}")
    line("graphs, MB", lambda row: f"{row['graphs_mb']:.1f}")
    names = " ".join(f"{row['name']}: {row['quality']['clips']} sentences on {row['date']};" for row in rows)
    about = (
        f"{names} ± is one standard error. Speed on two threads, {result['rounds']} rounds in turns. {measured(result)}"
    )
    return f"{table(['', 'teacher', *(row['name'] for row in rows)], lines)}\n\n{about}"


def options() -> argparse.ArgumentParser:
    made = parser(__doc__)
    made.add_argument("voices", nargs="+", help="voices or their folders")
    return made


def main() -> None:
    from benchmarks.update_docs import update

    chosen = options().parse_args()
    try:
        result = measure(chosen.voices, chosen.rounds)
    except SsmphonyError as error:
        sys.exit(str(error))
    print(rendered(result))
    if chosen.write:
        write_json(result, RESULTS / "teacher_forms.json")
        update()


if __name__ == "__main__":
    main()
