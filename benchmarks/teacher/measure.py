"""A clip of the teacher and the same sentence by the student: what is measured of both, a row of a journal each."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.teacher.student import Original, Student, teacher_pitch
from ssmphony.audio.files import AudioWriter
from ssmphony.audio.resample import resample
from ssmphony.data.manifest import Clip
from ssmphony.data.prepared import read_pitch, read_samples
from ssmphony.evaluation.contrasts import Trial, margin
from ssmphony.evaluation.journal import Journal
from ssmphony.evaluation.metrics.defects import CLIPPED_LEVEL
from ssmphony.evaluation.models.loading import MODELS
from ssmphony.evaluation.models.recogniser import (
    WEIGHTS,
    SpeechRecogniser,
    character_edits,
    phone_edits,
    word_faults,
)
from ssmphony.evaluation.robustness import examine
from ssmphony.interfaces import Frontend
from ssmphony.parallel.local import run_local
from ssmphony.text.registry import DEFAULT, build_frontend
from ssmphony.types import Samples, SsmphonyError
from ssmphony.voices.manifest import MANIFEST
from ssmphony.voices.package import locate

Row = dict[str, Any]
Progress = Callable[[str, int, int], None]
RATE = 24_000
"""Of the teacher's clips."""
REVISION = 2
"""Of what is measured: rows of another one are measured again."""


class Job(NamedTuple):
    """Something to speak: a ``clip`` of the teacher in ``folder``; with a ``trial``, a word of a minimal pair; without
    a clip, a text that only the student speaks."""

    id: str
    speaker: str
    text: str
    clip: Clip | None = None
    folder: Path = Path()
    trial: Trial | None = None


@dataclass(frozen=True)
class Setting:
    """Who speaks: ``voice``, or the teacher where ``teacher``. ``sounds``: a folder that keeps what was spoken."""

    voice: str | None
    teacher: bool = False
    sounds: Path | None = None
    names: dict[str, str] = field(default_factory=dict[str, str])


def measured(
    name: str,
    setting: Setting,
    jobs: Sequence[Job],
    cache: Path,
    workers: int,
    progress: Progress,
    begin: Callable[[Setting], Callable[[Job], Row]] | None = None,
) -> list[Row]:
    """The rows of all jobs, those of earlier runs from the journal in ``cache``.

    ``begin`` is what an executor starts, `start` where none is given."""
    journal = Journal(cache / "work", name, _stamp(setting))
    done = journal.rows()
    waiting = [job for job in jobs if _key(job) not in done]
    progress(name, len(jobs) - len(waiting), len(jobs))
    with closing(run_local(partial(begin or start, setting), waiting, workers)) as results:
        for number, (index, made) in enumerate(results, start=1):
            row = {**made, "id": _key(waiting[index])}
            journal.add(row)
            done[row["id"]] = row
            progress(name, len(jobs) - len(waiting) + number, len(jobs))
    return [done[_key(job)] for job in jobs]


def show(what: str, done: int, total: int) -> None:
    """Progress, now and then."""
    if done % 50 == 0 or done == total:
        print(f"{what}: {done} of {total}", flush=True)


def _key(job: Job) -> str:
    symbols = " ".join(job.clip.symbols or ()) if job.clip else ""
    digest = hashlib.sha256(f"{job.text}|{symbols}".encode()).hexdigest()[:8]
    kind = "contrast" if job.trial else "clip" if job.clip else "text"
    return f"{kind} {job.id} {digest}"


def _stamp(setting: Setting) -> Row:
    manifest = b"teacher" if setting.teacher else (locate(setting.voice) / MANIFEST).read_bytes()
    recogniser = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()
    digest = hashlib.sha256(manifest).hexdigest()
    return {"voice": digest, "recogniser": recogniser, "models": sorted(models()), "revision": REVISION}


@lru_cache(maxsize=1)
def models() -> dict[str, Any]:
    """The recogniser, and DistillMOS and the speaker encoder where they are installed."""
    found: dict[str, Any] = {"recogniser": SpeechRecogniser()}
    for name in ("distillmos", "speaker"):
        try:
            found[name] = MODELS[name]()
        except SsmphonyError as error:
            print(f"without {name}: {error}", flush=True)
    return found


def start(setting: Setting) -> Callable[[Job], Row]:
    """What an executor starts in its processes."""
    torch.set_num_threads(1)
    if setting.teacher:
        return partial(teacher_row, models(), build_frontend({"kind": DEFAULT}, "teacher"))
    return partial(student_row, models(), Student(setting.voice, setting.names), setting.sounds)


def teacher_row(judges: dict[str, Any], frontend: Frontend, job: Job) -> Row:
    original = read_original(job)
    row: Row = {"speaker": job.speaker, "text": job.text}
    if job.trial is not None:
        return row | _heard_pair(judges, original.samples, RATE, frontend, job.trial)
    return row | {"teacher": hear(judges, original.samples, RATE, original.clip)}


def student_row(judges: dict[str, Any], student: Student, sounds: Path | None, job: Job) -> Row:
    voice, row = student.voice, {"speaker": job.speaker, "text": job.text}
    rate, name = voice.sample_rate, student.style(job.speaker).speaker
    if job.clip is None:
        checked, _ = examine(voice, job.text, judges["recogniser"], name)
        return row | checked
    if job.trial is not None:
        audio = voice.say(job.text, speaker=name)
        return row | _heard_pair(judges, audio.samples, rate, voice.frontend, job.trial)
    original = read_original(job)
    original = original._replace(samples=resample(original.samples, RATE, rate))
    spoken = student.speak(original)
    found: Row = row | {"free": hear(judges, spoken.free, rate, job.clip)}
    if spoken.prosody is not None:
        found["prosody"] = hear(judges, spoken.prosody, rate, job.clip, brief=True)
    if sounds is not None:
        for condition, samples in (("free", spoken.free), ("prosody", spoken.prosody)):
            if samples is not None:
                keep(sounds / condition / f"{job.id}.flac", samples, rate)
    wanted = teacher_pitch(original, spoken.frame_rate, len(spoken.pitch))
    return found | durations(job.clip, spoken.durations_s) | _pitch(wanted, spoken.pitch)


def read_original(job: Job) -> Original:
    assert job.clip is not None, "only a clip of the teacher has a sound"
    return Original(job.clip, read_samples(job.folder / job.clip.audio, RATE), read_pitch(job.folder, job.clip.id))


def hear(judges: dict[str, Any], samples: Samples, rate: int, clip: Clip | None, brief: bool = False) -> Row:
    """What the evaluator models say of a sound that should speak the clip; errors and how many there could be.

    Without a clip, what does not depend on the words. ``brief``: without what follows from text and speaker alone,
    words that are missing and the speaker's embedding.
    """
    row: Row = {
        "seconds": len(samples) / rate,
        "level_db": float(20 * np.log10(np.sqrt(np.mean(samples.astype(np.float64) ** 2)) + 1e-9)),
        "peak": float(np.abs(samples).max()),
        "clipped": int((np.abs(samples) >= CLIPPED_LEVEL).sum()),
    }
    if "distillmos" in judges:
        row["distillmos"] = judges["distillmos"](samples, rate)
    if "speaker" in judges and not brief:
        row["embedding"] = np.round(judges["speaker"].encode(samples, rate)[1], 5).tolist()
    if clip is None:
        return row
    symbols, recognition = clip.symbols or (), judges["recogniser"](samples, rate)
    alphabet = recognition.alphabet
    row["phones"] = [phone_edits(recognition, symbols).total, len(alphabet.phone_classes(symbols))]
    row["characters"] = [character_edits(recognition, clip.text).total, len(alphabet.character_classes(clip.text))]
    if not brief:
        faults = word_faults(recognition, [symbols[first:stop] for first, stop in clip.words])
        row |= {"words": len(clip.words), "faults": len(faults.skipped) + len(faults.repeated)}
    return row


def _heard_pair(judges: dict[str, Any], samples: Samples, rate: int, frontend: Frontend, trial: Trial) -> Row:
    return {**trial._asdict(), "margin": margin(judges["recogniser"], samples, rate, frontend, trial)}


def durations(clip: Clip, own_s: Any) -> Row:
    """Absolute differences of the durations of phones, summed, in s; their number; totals of the student's and the
    teacher's. The last phone is left out: the teacher gives it the silence that follows."""
    last = max(stop for _, stop in clip.words) - 1
    known = {first: end - begin for first, stop, begin, end in clip.anchors if stop == first + 1}
    phones = [token for first, stop in clip.words for token in range(first, stop) if token in known and token != last]
    wanted, own = np.array([known[token] for token in phones]), np.asarray(own_s)[phones]
    return {
        "duration_error_s": float(np.abs(own - wanted).sum()),
        "durations": len(phones),
        "own_s": float(own.sum()),
        "wanted_s": float(wanted.sum()),
    }


def _pitch(wanted: Any, own: Any) -> Row:
    """Root mean square of the difference of ln F0 where both are voiced, and the share of frames voiced in one."""
    both = (wanted > 0) & (own > 0)
    difference = np.log(own[both]) - np.log(wanted[both])
    rmse = float(np.sqrt((difference**2).mean())) if both.any() else None
    return {"log_f0_rmse": rmse, "voicing": float(((wanted > 0) != (own > 0)).mean())}


def keep(path: Path, samples: Samples, rate: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with AudioWriter(path, rate) as writer:
        writer.write(np.nan_to_num(samples))
