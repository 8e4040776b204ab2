"""How good a voice becomes that learned a speaker by ``ssmphony finetune``, over minutes of recordings.

    python -m benchmarks.finetune VOICE PREPARED [PREPARED ...] --work FOLDER [--minutes 2.5 5 10 20 30] [--steps 700]
        [--write]

Each prepared corpus has one speaker and times of phones (``ssmphony prepare … --align``). The same clips are held out
of all its trainings; their texts are spoken by each voice and compared with their recordings: DistillMOS, character
error by our recogniser, similarity to the mean of the held-out recordings (resemblyzer), and the nearest other speaker
of the voice. A training that was stopped goes on; one that is finished is not repeated. Writes
``benchmarks/results/finetune.json``, beside the other speakers that the same voice learned in as many steps;
``--write`` also fills the table of the documentation.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks import commands
from benchmarks.machine import RESULTS, write_json
from benchmarks.tables import table
from benchmarks.teacher.measure import hear, models
from ssmphony import load
from ssmphony.arrays import Floats
from ssmphony.data.manifest import MANIFEST, Clip, read_manifest
from ssmphony.data.prepared import read_samples
from ssmphony.voice import Voice
from ssmphony.voices.package import locate

Row = dict[str, Any]
RATE = 24_000
HELD_OUT = 20
"""Clips that no training sees."""


def split(clips: Sequence[Clip], minutes: float) -> tuple[list[Clip], list[Clip]]:
    """The clips of a training of so many minutes, and the held-out ones, in a fixed random order."""
    shuffled = [clips[index] for index in np.random.default_rng(0).permutation(len(clips))]
    sentences = [clip for clip in shuffled if len(clip.words) > 2]
    held_out = sentences[: min(HELD_OUT, len(sentences) // 5)]
    names, trained, seconds = {clip.id for clip in held_out}, list[Clip](), 0.0
    for clip in shuffled:
        if clip.id not in names and seconds < 60 * minutes:
            trained.append(clip)
            seconds += clip.seconds
    return trained, held_out


def corpus_of(clips: Sequence[Clip], prepared: Path, folder: Path) -> Path:
    """A prepared corpus of some of another's clips, whose files it links to."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in prepared.iterdir():
        if entry.name != MANIFEST and not (folder / entry.name).exists():
            (folder / entry.name).symlink_to(entry.resolve())
    names = {clip.id for clip in clips}
    lines = (prepared / MANIFEST).read_text(encoding="utf-8").splitlines(keepends=True)
    partial = folder / f".{MANIFEST}"
    partial.write_text("".join(line for line in lines if json.loads(line)["id"] in names), encoding="utf-8")
    os.replace(partial, folder / MANIFEST)
    return folder


def finetuned(voice: str, corpus: Path, folder: Path, steps: int) -> tuple[Path, float]:
    """The voice that learned the corpus, and the processor minutes that its training took."""
    out, spent = folder / "voice", folder / "processor_minutes.txt"
    if not out.exists():
        learn = ("--data", corpus, "-o", out, "--work", folder / "work", "--steps", steps)
        used = commands.run("finetune", locate(voice), *learn)
        earlier = float(spent.read_text()) if spent.exists() else 0.0
        spent.write_text(f"{earlier + used / 60:.2f}")
    return out, float(spent.read_text())


def measure(voice: Voice, held_out: Sequence[Clip], prepared: Path) -> tuple[Row, Row]:
    """Means over the held-out texts: as spoken by the voice, and as recorded."""
    judges = models()
    names = voice.card.speakers
    recorded = [hear(judges, read_samples(prepared / clip.audio, RATE), RATE, clip) for clip in held_out]
    rows = {
        name: [hear(judges, voice.say(clip.text, speaker=name).samples, voice.sample_rate, clip) for clip in held_out]
        for name in names
    }
    own, others = rows[names[0]], {name: rows[name] for name in names[1:]}
    nearest = max((_similarity(found, recorded), name) for name, found in others.items())
    made = _means(own) | {
        "similarity": _similarity(own, recorded),
        "nearest_other": nearest[1],
        "nearest_other_similarity": nearest[0],
    }
    halves = _similarity(recorded[::2], recorded[1::2])
    return made, _means(recorded) | {"similarity": halves}


def _means(rows: Sequence[Row]) -> Row:
    wrong, possible = (sum(row["characters"][part] for row in rows) for part in (0, 1))
    return {"distillmos": fmean(row["distillmos"] for row in rows), "characters": wrong / possible}


def _similarity(rows: Sequence[Row], others: Sequence[Row]) -> float:
    """Mean cosine of each clip's embedding with the mean of the others'."""
    mean: Floats = np.mean([row["embedding"] for row in others], axis=0)
    return fmean(float(np.dot(row["embedding"], mean) / np.linalg.norm(mean)) for row in rows)


def curve(voice: str, prepared: Path, minutes: Sequence[float], steps: int, work: Path) -> Row:
    """A row for each number of minutes that the corpus has."""
    clips = [clip for clip in read_manifest(prepared) if clip.symbols is not None]
    rows, recorded = list[Row](), Row()
    for wanted in minutes:
        trained, held_out = split(clips, wanted)
        there = sum(clip.seconds for clip in trained) / 60
        if rows and there < rows[-1]["minutes"] * 1.2:
            break  # the corpus has no more
        folder = work / prepared.name / f"{wanted:g}"
        out, spent = finetuned(voice, corpus_of(trained, prepared, folder / "corpus"), folder, steps)
        made, recorded = measure(load(str(out), threads=1), held_out, prepared)
        rows.append({"minutes": there, "clips": len(trained), "processor_minutes": spent, **made})
        print(prepared.name, rows[-1], flush=True)
    return {"rows": rows, "recorded": recorded, "held_out": len(split(clips, minutes[0])[1])}


def joined(result: Row, path: Path) -> Row:
    """The result with the speakers stored earlier that the same voice learned in as many steps."""
    earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if any(earlier.get(key) != result[key] for key in ("voice", "steps")):
        return result
    return result | {"speakers": earlier["speakers"] | result["speakers"]}


def rendered(result: Row) -> str:
    """One table; each speaker's recordings come after the voices that learned it."""
    lines: list[list[str]] = []
    for name, speaker in result["speakers"].items():
        for row in speaker["rows"]:
            others = f"{row['nearest_other_similarity']:.3f} ({row['nearest_other']})"
            figures = [f"{row['distillmos']:.2f}", f"{row['characters']:.3f}", f"{row['similarity']:.3f}", others]
            lines.append([name, f"{row['minutes']:.1f}", f"{row['processor_minutes']:.0f}", *figures])
        row = speaker["recorded"]
        figures = [f"{row['distillmos']:.2f}", f"{row['characters']:.3f}", f"{row['similarity']:.3f}"]
        lines.append([f"{name}, recordings", "", "", *figures, ""])
    header = ["speaker", "minutes", "processor minutes", "DistillMOS", "character error", "similarity", "nearest other"]
    held = ", ".join(f"{speaker['held_out']} of {name}" for name, speaker in result["speakers"].items())
    return (
        f"{table(header, lines)}\n\n`{result['voice']}`, {result['steps']} steps on one core; held-out texts: {held}. "
        f"Similarity is the cosine to the mean of the held-out recordings (for recordings: to the other half of them). "
        f"Measured on {result['date']}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voice")
    parser.add_argument("prepared", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True, help="trainings and voices stay here")
    parser.add_argument("--minutes", type=float, nargs="+", default=[2.5, 5, 10, 20, 30])
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--write", action="store_true", help="fill the pages")
    chosen = parser.parse_args()
    speakers = {
        prepared.name: curve(chosen.voice, prepared, sorted(chosen.minutes), chosen.steps, chosen.work)
        for prepared in chosen.prepared
    }
    result = {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "voice": Path(chosen.voice).name,
        "steps": chosen.steps,
        "speakers": speakers,
    }
    stored = RESULTS / "finetune.json"
    write_json(joined(result, stored), stored)
    if chosen.write:
        from benchmarks.update_docs import update

        update()


if __name__ == "__main__":
    main()
