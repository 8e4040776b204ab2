"""A voice next to the teacher that it learned from, on sentences that no training has seen.

    python -m benchmarks.teacher VOICE --cache FOLDER [--model kokoro.onnx --vocabulary vocab.json --voices FOLDER]
        [--sentences 100] [--texts 1000] [--speaker hf_alpha=alpha ...] [--others PREPARED ...] [--workers 1]
        [--write | --output FILE]

The teacher's files (docs/start.md says where they come from) are needed once, to render; its clips and all figures stay
in the cache, so that a run that was stopped goes on, and the next voice takes a few minutes. Measured, of teacher and
student: DistillMOS (the student's own prosody, and the teacher's), phone and character error, skipped and repeated
words, log-F0 and durations, speaker similarity, minimal pairs; of the student alone: broken clips of ``--texts``.
DistillMOS and the speaker encoder are left out where they are not installed (docs/evaluate.md). ``--write`` stores
``benchmarks/results/teacher.json`` and fills the pages from it.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import RESULTS, write_json
from benchmarks.teacher import figures, tables
from benchmarks.teacher.measure import Job, Setting, measured, show
from benchmarks.teacher.options import add_teacher, common_speakers, teacher_files
from benchmarks.teacher.render import UNSEEN, clip_name, contrast_plan, read_plan, teacher_clips
from benchmarks.update_docs import update
from benchmarks.voices import voice_argument
from ssmphony.data.manifest import read_manifest
from ssmphony.evaluation.run import without_nan
from ssmphony.evaluation.speed import card
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import MANIFEST
from ssmphony.voices.manifest import read_manifest as read_voice
from ssmphony.voices.package import locate

OTHER_CLIPS = 20
"""Of each other speaker."""
SOUNDS = "sounds"


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("voice", help="a voice or its folder")
    options.add_argument("--cache", type=Path, required=True, help="what is rendered and measured stays here")
    add_teacher(options)
    options.add_argument("--sentences", type=int, default=100, help="of each speaker (100)")
    options.add_argument("--texts", type=int, default=1000, help="that are searched for broken clips (1000)")
    options.add_argument("--no-contrasts", action="store_false", dest="contrasts", help="leave out minimal pairs")
    options.add_argument("--others", type=Path, action="append", default=[], help="a prepared corpus of other speakers")
    options.add_argument("--write", action="store_true", help="store the result and fill the pages")
    options.add_argument("--output", type=Path, help="a file for the result")
    return options


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything that is measured of the voice, as it is stored."""
    voice, names, cache = voice_argument(arguments.voice), dict(arguments.speaker), arguments.cache
    files, workers, rendered = teacher_files(arguments), arguments.workers, arguments.cache / "teacher"
    plan = read_plan(UNSEEN)
    speakers = common_speakers(list(dict.fromkeys(speaker for _, speaker, _ in plan)), voice, names)
    plan = [line for line in plan if line[1] in speakers]
    clips = teacher_clips(rendered / "unseen", plan[: arguments.sentences * len(speakers)], files, workers)
    pairs, trials = contrast_plan(speakers) if arguments.contrasts else ([], [])
    said = {clip.id: clip for clip in teacher_clips(rendered / "contrasts", pairs, files, workers)} if pairs else {}
    jobs = [Job(clip.id, clip.speaker, clip.text, clip, rendered / "unseen") for clip in clips]
    jobs += [
        Job(name, speaker, text, said[name], rendered / "contrasts", trials[number])
        for number, speaker, text in pairs
        if (name := clip_name(number, speaker)) in said
    ]
    texts = [Job(f"{number:06d}", speaker, text) for number, speaker, text in plan[: arguments.texts]]
    digest = hashlib.sha256((locate(voice) / MANIFEST).read_bytes()).hexdigest()[:8]
    student = Setting(voice, sounds=cache / SOUNDS / digest, names=names)
    do = partial(measured, cache=cache, workers=workers, progress=show)
    by_teacher = do("teacher", Setting(voice, teacher=True), jobs)
    by_student = do("student", student, jobs + texts)
    count = len(clips)
    return {
        "date": date.today().isoformat(),
        "voice": card(voice)["name"],
        "card": card(voice),
        "graphs_mb": sum(card(voice)["graphs"].values()) / 1e6,
        "default_speaker": default_speaker(voice, names, speakers),
        "speakers": figures.conclude(
            list(zip(by_teacher[:count], by_student[:count], strict=True)), other_speakers(arguments.others, do)
        ),
        "contrasts": figures.compare_contrasts(by_teacher[count:], by_student[count : len(jobs)]),
        "robustness": figures.broken(by_student[len(jobs) :]) if texts else {},
    }


def default_speaker(voice: str | None, names: dict[str, str], speakers: list[str]) -> str:
    known = read_voice(locate(voice)).speakers
    return next((name for name in speakers if known and names.get(name, name) == known[0]), speakers[0])


def other_speakers(corpora: list[Path], do: Any) -> dict[str, list[list[float]]]:
    """Embeddings of some clips of the speakers of other corpora."""
    found: dict[str, list[list[float]]] = {}
    for folder in corpora:
        chosen: dict[str, list[Job]] = {}
        for clip in read_manifest(folder):
            known = chosen.setdefault(clip.speaker, [])
            if clip.symbols and len(known) < OTHER_CLIPS:
                known.append(Job(clip.id, clip.speaker, clip.text, clip, folder))
        for speaker, jobs in chosen.items():
            rows = do("teacher", Setting(None, teacher=True), jobs)
            found[speaker] = [row["teacher"]["embedding"] for row in rows if "embedding" in row["teacher"]]
    return found


def main() -> None:
    arguments = parser().parse_args()
    try:
        result = without_nan(compare(arguments))
    except SsmphonyError as error:
        sys.exit(str(error))
    for render in (tables.targets, tables.speakers, tables.contrasts, tables.notes):
        print(f"\n{render(result)}")
    if arguments.output:
        write_json(result, arguments.output)
    if arguments.write:
        write_json(result, RESULTS / f"teacher_{result['voice']}.json")
        update()


if __name__ == "__main__":
    main()
