"""One clip, sentence or story in a worker process: spoken, measured, its sounds and pictures kept."""

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
from ssmphony.evaluation.contrasts import Trial, margin
from ssmphony.evaluation.frechet.features import available
from ssmphony.evaluation.material import CONDITIONS, Rendition, Sentence, recorded, rendition
from ssmphony.evaluation.metrics.corpus import collect
from ssmphony.evaluation.metrics.registry import measure
from ssmphony.evaluation.models.loading import load_models
from ssmphony.evaluation.robustness import examine, in_doubt
from ssmphony.evaluation.sample import Sample, samples_of
from ssmphony.interfaces import Frontend
from ssmphony.types import Samples
from ssmphony.voice import Voice
from ssmphony.voices.package import load

Row = dict[str, Any]


class Job(NamedTuple):
    """A recorded clip, or a text that nobody recorded: ``kind`` is clip, sentence, story or contrast.

    ``measured``: by all metrics, which takes far longer than to look for defects.
    """

    id: str
    kind: str
    text: str
    clip: Clip | None = None
    measured: bool = False
    trial: Trial | None = None


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
    voice = load(setting.voice, threads=1)
    models = load_models(
        setting.recogniser, language=voice.card.language, online=setting.online, quick=setting.quick
    ).found
    return partial(work, setting, voice, models)


def work(setting: Setting, voice: Voice, models: dict[str, Any], job: Job) -> Row:
    """A line of the journal."""
    if job.clip is not None and setting.corpus is not None:
        return _clip(setting, models, recorded(voice, job.clip, setting.corpus))
    listener = models.get("recogniser")
    if job.trial is not None:
        return _contrast(voice, listener, job, job.trial)
    row, audio = examine(voice, job.text, listener)
    row |= {"id": job.id, "kind": job.kind}
    if row["defects"] or in_doubt(row):
        row["audio"] = keep(setting, f"{job.kind}-{job.id}", audio.samples, audio.sample_rate)
    if job.measured and np.isfinite(audio.samples).all():
        sentence = _unrecorded(voice.frontend, job, rendition(audio), audio.sample_rate)
        sample = Sample(sentence, "free", models, setting.speaker)
        row["figures"] = measure(sample)
        _keep_features(setting, sample)
    return row


def _contrast(voice: Voice, listener: Any, job: Job, trial: Trial) -> Row:
    audio = voice.say(trial.text)
    heard = margin(listener, audio.samples, audio.sample_rate, voice.frontend, trial) if len(audio.samples) else np.nan
    return {"id": job.id, "kind": job.kind, "text": job.text, **trial._asdict(), "margin": heard}


def keep(setting: Setting, stem: str, samples: Samples, rate: int) -> str:
    """Write a FLAC file; its path inside the report."""
    path = Path("audio") / setting.name / f"{stem}.flac"
    (setting.out / path).parent.mkdir(parents=True, exist_ok=True)
    with AudioWriter(setting.out / path, rate) as writer:
        writer.write(np.nan_to_num(samples))
    return path.as_posix()


def feature_path(setting: Setting, features: str, stem: str) -> Path:
    """Where the features of a sound are kept; ``features`` names a set of `ssmphony.evaluation.frechet.features`."""
    return setting.out / "work" / "features" / setting.name / features / f"{stem}.npy"


def _clip(setting: Setting, models: dict[str, Any], sentence: Sentence) -> Row:
    found = samples_of(sentence, models, setting.speaker)
    audio = {
        condition: keep(setting, f"{sentence.id}-{condition}", sample.sound, sample.rate)
        for condition, sample in found.items()
    }
    for sample in found.values():
        _keep_features(setting, sample)
    return {
        "id": sentence.id,
        "kind": "clip",
        "text": sentence.text,
        "conditions": {condition: measure(sample) for condition, sample in found.items()},
        "sets": collect(found["free"]),
        "audio": audio,
        "picture": _picture(setting, sentence),
    }


def _picture(setting: Setting, sentence: Sentence) -> str:
    from ssmphony.evaluation.pictures import Panel, described, draw

    path = Path("pictures") / setting.name / f"{sentence.id}.png"
    (setting.out / path).parent.mkdir(parents=True, exist_ok=True)
    panels: list[Panel] = []
    for condition in ("recording", "free"):
        said = sentence.conditions[condition]
        title = described(CONDITIONS[condition], said.samples, sentence.rate)
        marks = [(span.start_s, span.text) for span in said.phonemes]
        panels.append(Panel(title, said.samples, marks, said.words if condition == "recording" else ()))
    draw(panels, setting.out / path)
    return path.as_posix()


def _keep_features(setting: Setting, sample: Sample) -> None:
    if not len(sample.sound):
        return
    for name, features in available(sample.models).items():
        values = features.extract(sample.sound, sample.rate, sample.models)
        path = feature_path(setting, name, f"{sample.sentence.id}-{sample.condition}")
        write_array(path, values.astype(np.float16))


def _unrecorded(frontend: Frontend, job: Job, said: Rendition, rate: int) -> Sentence:
    tokens = list(frontend.sentences(job.text))
    symbols = tuple(symbol for part in tokens for symbol in part.symbols)
    words = tuple(part.symbols[word.first : word.stop] for part in tokens for word in part.words)
    return Sentence(job.id, job.text, symbols, words, rate, {"free": said}, frontend)
