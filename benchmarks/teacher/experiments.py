"""What a student of the teacher owes to hours of speech, warm start, discriminators, speakers and S4D: one row each.

    python -m benchmarks.teacher.experiments --prepared prepared/kokoro --init hibari.safetensors --work FOLDER
        [--steps 800] [--only hours-0.5 ...] [--output FILE]

Every row is a short training of ``configs/s4_spectrum/base.yaml`` with one thing changed, then DistillMOS of its sound
in the teacher's prosody on the clips of ``configs/s4_spectrum/heldout.txt``, and the character error by our recogniser.
A training that was stopped goes on; a row that is there is not made again. Compare rows of one run only: all are far
from the end of their training.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from benchmarks import commands
from benchmarks.machine import ROOT, write_json
from benchmarks.tables import table
from benchmarks.teacher.measure import Job, Setting, measured, show
from ssmphony.data.crops import CropSource
from ssmphony.data.manifest import Clip, read_manifest
from ssmphony.data.selection import select
from ssmphony.export.voice import CardConfig, export

CONFIG = ROOT / "configs" / "s4_spectrum" / "base.yaml"
HELD_OUT = ROOT / "configs" / "s4_spectrum" / "heldout.txt"
HOUR_S = 3600.0


class Experiment(NamedTuple):
    """hours: of speech, the first of the corpus; speakers: whose, None for all; settings: of the training file."""

    what: str
    hours: float = 4.0
    speakers: tuple[str, ...] | None = None
    settings: tuple[str, ...] = ()
    warm: bool = True


def _blocks(replaced: Sequence[int]) -> str:
    kinds = ["s4d" if number in replaced else "convnext" for number in range(8)]
    return f"voice.codec.blocks=[{', '.join(kinds)}]"


COMPLEX = (
    "task.adversarial={periods: [], pictures: null, windows: [2048, 1024, 512], samples: 8192, start_step: 60, "
    "mel_weight: 20, feature_weight: 2}"
)
EXPERIMENTS = {
    "base": Experiment("four speakers, 4 hours, warm, discriminators of pictures"),
    "hours-0.25": Experiment("a quarter of an hour", 0.25),
    "hours-0.5": Experiment("half an hour", 0.5),
    "hours-1": Experiment("1 hour", 1.0),
    "hours-2": Experiment("2 hours", 2.0),
    "one-speaker": Experiment("1 hour of one speaker", 1.0, ("hf_alpha",)),
    "cold": Experiment("random weights", warm=False),
    "no-discriminators": Experiment("no discriminators", settings=("task.adversarial=null",)),
    "coarse-pictures": Experiment(
        "pictures without the windows of 5 ms",
        settings=("task.adversarial.pictures.views=[[1200, 300, 256], [512, 128, 257]]",),
    ),
    "complex": Experiment("discriminators of complex spectra", settings=(COMPLEX,)),
    "s4d-last": Experiment("S4D in the last block", settings=(_blocks([7]),)),
    "s4d-2": Experiment("S4D in blocks 4 and 8", settings=(_blocks([3, 7]),)),
    "s4d-4": Experiment("S4D in every other block", settings=(_blocks([1, 3, 5, 7]),)),
    "s4d-8": Experiment("S4D in all blocks", settings=(_blocks(range(8)),)),
}


def chosen(clips: Sequence[Clip], experiment: Experiment) -> list[str]:
    """Ids of the first clips of the corpus that make up so many hours."""
    names: list[str] = []
    seconds = 0.0
    for clip in clips:
        if experiment.speakers is not None and clip.speaker not in experiment.speakers:
            continue
        if seconds >= experiment.hours * HOUR_S:
            break
        seconds += clip.seconds
        names.append(clip.id)
    return names


def train(name: str, experiment: Experiment, arguments: argparse.Namespace, held_out: set[str]) -> Path:
    """The run, trained to its end in a process of its own."""
    folder: Path = arguments.work / name
    folder.mkdir(parents=True, exist_ok=True)
    clips = [clip for clip in read_manifest(arguments.prepared) if clip.id not in held_out]
    listed = folder / "trained.txt"
    listed.write_text("".join(f"{clip}\n" for clip in chosen(clips, experiment)), encoding="utf-8")
    settings = [
        f"run.out={folder / 'run'}",
        f"task.corpora=[{{path: {arguments.prepared}, only: {listed}}}]",
        f"task.validation=[{{path: {arguments.prepared}, only: {HELD_OUT}}}]",
        "task.learns=[sound]",
        f"task.optimiser.max_steps={arguments.steps}",
        f"run.validate_every={arguments.steps}",
        f"run.precision={arguments.precision}",
        *experiment.settings,
    ]
    commands.train(CONFIG, settings, arguments.init if experiment.warm else None)
    return folder / "run"


def judge(name: str, run: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Means over the held-out clips."""
    voice = run.parent / "voice"
    if not voice.exists():
        block = json.loads((run / "config.json").read_text(encoding="utf-8"))["voice"]
        export(block, run, run, CardConfig(name=name, language="hi"), voice)
    (clips,) = select([CropSource(path=str(arguments.prepared), only=str(HELD_OUT))])
    jobs = [Job(clip.id, clip.speaker, clip.text, clip, arguments.prepared) for clip in clips]
    rows = measured(name, Setting(str(voice)), jobs, arguments.work / "figures", 1, show)
    teacher = measured("teacher", Setting(None, teacher=True), jobs, arguments.work / "figures", 1, show)
    return {
        "what": EXPERIMENTS[name].what,
        "steps": arguments.steps,
        "clips": len(rows),
        "distillmos": fmean(row["prosody"]["distillmos"] for row in rows),
        "teacher_distillmos": fmean(row["teacher"]["distillmos"] for row in teacher),
        "characters": _share([row["prosody"]["characters"] for row in rows]),
        "teacher_characters": _share([row["teacher"]["characters"] for row in teacher]),
    }


def _share(counts: Sequence[Sequence[int]]) -> float:
    return sum(wrong for wrong, _ in counts) / sum(possible for _, possible in counts)


def rendered(rows: dict[str, dict[str, Any]]) -> str:
    """A table; the teacher first."""
    first = next(iter(rows.values()))
    lines = [["teacher", f"{first['teacher_distillmos']:.2f}", f"{first['teacher_characters']:.3f}"]]
    lines += [[row["what"], f"{row['distillmos']:.2f}", f"{row['characters']:.3f}"] for row in rows.values()]
    return table([f"{first['steps']} steps", "DistillMOS", "character error"], lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prepared", type=Path, required=True, help="the prepared corpus of the teacher's speech")
    parser.add_argument("--init", type=Path, required=True, help="hibari's weights, by tools/hibari.py")
    parser.add_argument("--work", type=Path, required=True, help="trainings and figures stay here")
    parser.add_argument("--steps", type=int, default=800)
    parser.add_argument("--precision", default="32-true", help="bf16-mixed is faster where the processor has it")
    parser.add_argument("--only", nargs="+", choices=EXPERIMENTS, default=list(EXPERIMENTS))
    parser.add_argument("--output", type=Path, help="a JSON file for the rows")
    arguments = parser.parse_args()
    held_out = {line.strip() for line in HELD_OUT.read_text(encoding="utf-8").splitlines()}
    rows: dict[str, dict[str, Any]] = {}
    for name in arguments.only:
        rows[name] = judge(name, train(name, EXPERIMENTS[name], arguments, held_out), arguments)
        print(rendered(rows), flush=True)
        if arguments.output:
            write_json(rows, arguments.output)


if __name__ == "__main__":
    main()
