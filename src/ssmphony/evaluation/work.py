"""One clip, sentence or story in a worker process: spoken, judged, its sounds and pictures kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.audio.files import AudioWriter
from ssmphony.data.clips import write_array
from ssmphony.data.manifest import Clip
from ssmphony.evaluation.case import Case, cases
from ssmphony.evaluation.judges import load_judges
from ssmphony.evaluation.material import WAYS, Rendition, Sentence, recorded, rendition
from ssmphony.evaluation.metrics import measure
from ssmphony.evaluation.robustness import examine, in_doubt
from ssmphony.evaluation.sets import collect
from ssmphony.types import Samples, Tokens
from ssmphony.voice import Voice
from ssmphony.voices.package import load

Row = dict[str, Any]


class Job(NamedTuple):
    """A recorded clip, or a text that nobody recorded: ``kind`` is clip, sentence or story.

    ``judged``: all metrics are asked of a sentence, which takes far longer than to look for defects.
    """

    id: str
    kind: str
    text: str
    clip: Clip | None = None
    judged: bool = False


@dataclass(frozen=True)
class Setting:
    """What every worker needs. ``name`` is the voice's in file names; ``speaker`` the embedding of its person."""

    voice: str | None
    name: str
    out: Path
    corpus: Path | None = None
    recogniser: Path | None = None
    online: bool = False
    quick: bool = False
    speaker: npt.NDArray[np.float32] | None = None


def start(setting: Setting) -> Callable[[Job], Row]:
    """What an engine starts in its processes."""
    judges = load_judges(setting.recogniser, online=setting.online, quick=setting.quick).found
    return partial(work, setting, load(setting.voice, threads=1), judges)


def work(setting: Setting, voice: Voice, judges: dict[str, Any], job: Job) -> Row:
    """A line of the journal."""
    if job.clip is not None and setting.corpus is not None:
        return _clip(setting, judges, recorded(voice, job.clip, setting.corpus))
    listener = judges.get("recogniser")
    row, audio = examine(voice, job.text, listener)
    row |= {"id": job.id, "kind": job.kind}
    if row["defects"] or in_doubt(row):
        row["audio"] = keep(setting, f"{job.kind}-{job.id}", audio.samples, audio.sample_rate)
    if job.judged and np.isfinite(audio.samples).all():
        sentence = _unrecorded(list(voice.frontend.sentences(job.text)), job, rendition(audio), audio.sample_rate)
        case = Case(sentence, "free", judges, setting.speaker)
        row["figures"] = measure(case)
        _keep_features(setting, case)
    return row


def keep(setting: Setting, stem: str, samples: Samples, rate: int) -> str:
    """Write a FLAC file; its path inside the report."""
    path = Path("audio") / setting.name / f"{stem}.flac"
    (setting.out / path).parent.mkdir(parents=True, exist_ok=True)
    with AudioWriter(setting.out / path, rate) as writer:
        writer.write(np.nan_to_num(samples))
    return path.as_posix()


def feature_path(setting: Setting, stem: str) -> Path:
    return setting.out / "work" / "features" / setting.name / f"{stem}.npy"


def _clip(setting: Setting, judges: dict[str, Any], sentence: Sentence) -> Row:
    found = cases(sentence, judges, setting.speaker)
    audio = {way: keep(setting, f"{sentence.id}-{way}", case.sound, case.rate) for way, case in found.items()}
    for case in found.values():
        _keep_features(setting, case)
    return {
        "id": sentence.id,
        "kind": "clip",
        "text": sentence.text,
        "ways": {way: measure(case) for way, case in found.items()},
        "sets": collect(found["free"]),
        "audio": audio,
        "picture": _picture(setting, sentence),
    }


def _picture(setting: Setting, sentence: Sentence) -> str:
    from ssmphony.evaluation.pictures import Panel, described, draw

    path = Path("pictures") / setting.name / f"{sentence.id}.png"
    (setting.out / path).parent.mkdir(parents=True, exist_ok=True)
    panels: list[Panel] = []
    for way in ("recording", "free"):
        said = sentence.ways[way]
        title = described(WAYS[way], said.samples, sentence.rate)
        marks = [(span.start_s, span.text) for span in said.phonemes]
        panels.append(Panel(title, said.samples, marks, said.words if way == "recording" else ()))
    draw(panels, setting.out / path)
    return path.as_posix()


def _keep_features(setting: Setting, case: Case) -> None:
    if "speaker" in case.judges and len(case.sound):
        write_array(feature_path(setting, f"{case.sentence.id}-{case.way}"), case.hearing[0].astype(np.float16))


def _unrecorded(tokens: list[Tokens], job: Job, said: Rendition, rate: int) -> Sentence:
    symbols = tuple(symbol for part in tokens for symbol in part.symbols)
    words = tuple(part.symbols[word.first : word.stop] for part in tokens for word in part.words)
    return Sentence(job.id, job.text, symbols, words, rate, {"free": said})
