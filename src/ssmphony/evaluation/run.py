"""`ssmphony evaluate`: one voice, or two side by side, into one folder.

index.html        for people
report.json       every figure
audio/ pictures/  what the page shows
work/             finished work, so that a run that was stopped goes on; may be deleted
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import ssmphony
from ssmphony.audio.files import PartialFile
from ssmphony.config import load_json
from ssmphony.evaluation import report, speed
from ssmphony.evaluation.contrasts import trials
from ssmphony.evaluation.frechet.references import References, kept_references
from ssmphony.evaluation.journal import Journal
from ssmphony.evaluation.material import chosen_clips, read_lines, read_story
from ssmphony.evaluation.metrics.registry import METRICS
from ssmphony.evaluation.models.loading import Models, load_models
from ssmphony.evaluation.models.recogniser import WEIGHTS
from ssmphony.evaluation.robustness import held_out
from ssmphony.evaluation.summary import compare_voices, conclude
from ssmphony.evaluation.worker import Job, Setting, start
from ssmphony.parallel.local import run_local
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import MANIFEST, read_manifest
from ssmphony.voices.package import locate

Row = dict[str, Any]
Progress = Callable[[str, int, int], None]
"""Called with (what is done, jobs done, jobs in all)."""

REPORT = "report.json"
MEASURED = 100
"""Sentences that are measured by all metrics; the others are only searched for defects."""
QUICK_CLIPS, QUICK_SENTENCES, QUICK_STORIES = 3, 20, 1


@dataclass(frozen=True)
class Plan:
    """What to measure. ``voice`` and ``against`` are names or folders; ``against`` may be the folder of a report.

    corpus, ids: a prepared corpus and a list of its clips. others: corpora of other speakers.
    sentences: a file of one sentence a line, every ``every``-th of which is spoken, ``count`` at most.
    stories: text or Markdown files. quick: a few of everything, without the slow models.
    """

    voice: str | None
    out: Path
    corpus: Path | None = None
    ids: Path | None = None
    others: tuple[Path, ...] = ()
    sentences: Path | None = None
    count: int = 1000
    every: int = 1
    stories: tuple[Path, ...] = ()
    against: str | None = None
    recogniser: Path | None = None
    online: bool = False
    quick: bool = False
    workers: int | None = None


def evaluate(plan: Plan, progress: Progress | None = None) -> Row:
    """Measure and write the report; returns what ``report.json`` holds.

    Raises `SsmphonyError` when there is nothing to measure, a voice or a corpus is missing, or the folder cannot be
    written. Absent models are lines in the report.
    """
    jobs = planned(plan)
    report_progress = progress or (lambda what, done, total: None)
    language = read_manifest(locate(plan.voice)).language
    models = load_models(plan.recogniser, language=language, online=plan.online, quick=plan.quick)
    if "recogniser" in models.found and not plan.quick:
        jobs += [
            Job(f"{number:03d}", "contrast", trial.text, trial=trial) for number, trial in enumerate(trials(language))
        ]
    known = _references(plan, jobs, models)
    voices = [_voice(plan, plan.voice, "a", jobs, models, known, report_progress)]
    if plan.against is not None:
        earlier = Path(plan.against) / REPORT
        if earlier.is_file():
            voices.append({**_earlier(earlier), "name": "b", "elsewhere": True})
        else:
            voices.append(_voice(plan, plan.against, "b", jobs, models, known, report_progress))
    result: Row = {
        "ssmphony": ssmphony.__version__,
        "recogniser": str(plan.recogniser.name) if plan.recogniser else "shipped",
        "missing": models.missing,
        "voices": voices,
        "comparison": compare_voices(*voices) if len(voices) == 2 else [],
    }
    result = without_nan(result)
    _write(plan.out / REPORT, json.dumps(result, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    _write(plan.out / "index.html", report.page(result))
    return result


def _earlier(path: Path) -> Row:
    """The voice of an earlier report."""
    voice = load_json(path)["voices"][0]
    if any("conditions" not in row for row in voice["clips"] + voice["unseen"]):
        raise SsmphonyError(f"{path} was written by an older version: evaluate that voice again")
    return voice


def planned(plan: Plan) -> list[Job]:
    """Everything to speak. Raises `SsmphonyError` when that is nothing."""
    clips = chosen_clips(plan.corpus, plan.ids) if plan.corpus else []
    lines = held_out(read_lines(plan.sentences), plan.every, plan.count) if plan.sentences else []
    stories = list(plan.stories)
    if plan.quick:
        clips, lines, stories = clips[:QUICK_CLIPS], lines[:QUICK_SENTENCES], stories[:QUICK_STORIES]
    jobs = [Job(clip.id, "clip", clip.text, clip) for clip in clips]
    jobs += [Job(f"{number:04d}", "sentence", line, measured=number < MEASURED) for number, line in enumerate(lines)]
    jobs += [Job(path.stem, "story", read_story(path)) for path in stories]
    if not jobs:
        raise SsmphonyError("nothing to measure: give --corpus, --sentences or --stories")
    return jobs


def _references(plan: Plan, jobs: Sequence[Job], models: Models) -> References | None:
    if plan.corpus is None:
        return None
    measured = [job.clip for job in jobs if job.clip]
    return kept_references(plan.corpus, measured, plan.others, models.found, plan.out / "work")


def _voice(
    plan: Plan,
    voice: str | None,
    name: str,
    jobs: Sequence[Job],
    models: Models,
    known: References | None,
    progress: Progress,
) -> Row:
    """All figures of one voice."""
    setting = Setting(voice, name, plan.out, plan.corpus, plan.recogniser, plan.online, plan.quick)
    if known is not None:
        setting = replace(setting, speaker=known.speaker)
    rows = do(setting, jobs, models, plan.workers, partial(progress, f"voice {name}"))
    card = speed.card(voice)
    measured = {} if plan.quick else speed.measure_apart(voice)
    return {"name": name, "card": card, "speed": measured, **conclude(rows, setting, known)}


def do(
    setting: Setting, jobs: Sequence[Job], models: Models, workers: int | None, progress: Callable[[int, int], None]
) -> list[Row]:
    """The rows of all jobs, those that an earlier run finished from its journal."""
    journal = Journal(setting.out / "work", setting.name, _stamp(setting, models))
    done = journal.rows()
    waiting = [job for job in jobs if _key(job) not in done]
    progress(len(jobs) - len(waiting), len(jobs))
    with closing(run_local(partial(start, setting), waiting, workers)) as results:
        for number, (index, made) in enumerate(results, start=1):
            row = {**made, "clip": made["id"], "id": _key(waiting[index])}
            journal.add(row)
            done[row["id"]] = row
            progress(len(jobs) - len(waiting) + number, len(jobs))
    return [done[_key(job)] for job in jobs]


def _key(job: Job) -> str:
    return f"{job.kind} {job.id} {hashlib.sha256(job.text.encode()).hexdigest()[:8]}"


def _stamp(setting: Setting, models: Models) -> Row:
    """What the figures of a row depend on besides its text."""
    speaker = None if setting.speaker is None else hashlib.sha256(setting.speaker.tobytes()).hexdigest()
    recogniser = setting.recogniser or WEIGHTS
    weights = recogniser.read_bytes() if recogniser.is_file() else b""
    return {
        "voice": hashlib.sha256((locate(setting.voice) / MANIFEST).read_bytes()).hexdigest(),
        "corpus": str(setting.corpus and setting.corpus.resolve()),
        "models": sorted(models.found),
        "recogniser": hashlib.sha256(weights).hexdigest(),
        "metrics": list(METRICS),
        "speaker": speaker,
        "version": ssmphony.__version__,
    }


def without_nan(value: Any) -> Any:
    """JSON knows no NaN: None stands for it."""
    if isinstance(value, dict):
        return {key: without_nan(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if np.isfinite(value) else None
    return value


def _write(path: Path, text: str) -> None:
    with PartialFile(path) as file:
        file.write(text.encode("utf-8"))
