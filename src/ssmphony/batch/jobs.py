"""A job: one text, the file it becomes, and how it is spoken. All of a job file is checked before work begins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ssmphony.audio.encoding import FILE_SUFFIXES, require_pyav
from ssmphony.audio.files import FORMATS
from ssmphony.batch.formats import Row, read_rows
from ssmphony.batch.names import plain_name, same_file, with_format
from ssmphony.config import choose
from ssmphony.speakers import check_speaker
from ssmphony.types import SsmphonyError, Style
from ssmphony.voices.manifest import MANIFEST, read_manifest
from ssmphony.voices.package import DEFAULT, locate

_SHOWN = 5  # bad lines that an error names
N = TypeVar("N", int, float)


@dataclass(frozen=True)
class JobVoice:
    """A voice as every process finds it: an installed name, or the path of a folder.

    ``sha256`` is that of its ``voice.json``, which holds the checksums of its graphs.
    """

    name: str
    sha256: str
    speakers: tuple[str, ...] = ()
    mixes: bool = False
    """Whether it can mix its speakers."""


@dataclass(frozen=True)
class Job:
    """One line of a job file. ``file`` is a plain name in the output folder."""

    line: int
    id: str
    file: str
    text: str
    voice: JobVoice
    style: Style

    def fingerprint(self, lexicon: str = "", watermark: bool = False) -> str:
        """What the sound depends on, hashed: a job with another one has to be done again."""
        style = dict(vars(self.style))
        if (reference := style.pop("reference")) is not None:
            style["reference"] = reference.checksum
        parts = [self.file, self.text, self.voice.sha256, style, lexicon, *(["watermark"] if watermark else [])]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


class Defaults(NamedTuple):
    """For what a line does not say. ``format`` is an ending of `ssmphony.audio.files.FORMATS` without its dot."""

    format: str = "wav"
    voice: str | None = None
    style: Style = Style()


def read_jobs(path: Path, defaults: Defaults = Defaults(), kind: str | None = None) -> list[Job]:
    """The jobs of a file (see `ssmphony.batch.formats`), checked.

    Raises `SsmphonyError`, naming lines, for everything that cannot be done: unreadable lines, no text, unknown
    voices and speakers, styles out of range, names that are paths, names that occur twice.
    """
    formats = {suffix.removeprefix("."): suffix for suffix in FORMATS}
    suffix = choose(formats, defaults.format.removeprefix(".").lower(), "format")
    rows = read_rows(path, kind)
    if not rows:
        raise SsmphonyError(f"{path} holds no jobs: it is empty")
    width = max(5, len(str(rows[-1].line)))
    voices: dict[str | None, JobVoice] = {}
    jobs: list[Job] = []
    problems: list[str] = []
    for row in rows:
        try:
            jobs.append(_job(row, defaults, suffix, f"{row.line:0{width}}", voices))
        except SsmphonyError as error:
            problems.append(f"line {row.line}: {error}")
    problems += _twice(jobs)
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise SsmphonyError(_one_line(f"{path}, {'; '.join(problems[:_SHOWN])}{more}"))
    return jobs


def _one_line(message: str) -> str:
    """With what a terminal cannot show, which a job file may hold, escaped."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)


def _job(row: Row, defaults: Defaults, suffix: str, number: str, voices: dict[str | None, JobVoice]) -> Job:
    if row.problem:
        raise SsmphonyError(row.problem)
    values = row.values
    text = values.get("text", "")
    if not isinstance(text, str) or not text.strip():
        raise SsmphonyError("no text" if text == "" or isinstance(text, str) else "the text must be a string")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise SsmphonyError("the text is not valid Unicode: half a character") from None
    wanted = str(values["voice"]) if "voice" in values else defaults.voice
    if wanted not in voices:
        voices[wanted] = find_voice(wanted)
    voice = voices[wanted]
    style = Style(
        speed=_number(values, "speed", float, defaults.style.speed),
        pitch_semitones=_number(values, "pitch", float, defaults.style.pitch_semitones),
        seed=_number(values, "seed", int, defaults.style.seed),
        speaker=_speaker(values, voice, defaults.style.speaker),
    )
    file = _file(values, suffix, number)
    if Path(file).suffix.lower() in FILE_SUFFIXES:
        require_pyav(Path(file).suffix)
    name = plain_name(str(values["id"])) if "id" in values else file.rpartition(".")[0]
    return Job(row.line, name, file, text, voice, style)


def _file(values: Mapping[str, Any], suffix: str, number: str) -> str:
    """The name of the audio file: as given, or the id or the line's number followed by the format."""
    if "file" not in values:
        return plain_name(with_format(str(values.get("id", number)), FORMATS, suffix))
    name = plain_name(str(values["file"]))
    if "." in name and with_format(name, FORMATS, suffix) != name:
        raise SsmphonyError(f"'{name}': a file's name must end in {', '.join(FORMATS)}")
    return with_format(name, FORMATS, suffix)


def _number(values: Mapping[str, Any], key: str, kind: Callable[[Any], N], default: N) -> N:
    try:
        return kind(values[key]) if key in values else default
    except (TypeError, ValueError, OverflowError):
        raise SsmphonyError(f"{key} '{values[key]}' is not a number") from None


def _speaker(values: Mapping[str, Any], voice: JobVoice, default: str | None) -> str | None:
    if "speaker" in values:
        speaker = str(values["speaker"])
    elif "speaker_id" in values:
        number = _number(values, "speaker_id", int, 0)
        if not 0 <= number < max(1, len(voice.speakers)):
            raise SsmphonyError(f"speaker_id {number}: the voice {voice.name} has {len(voice.speakers)} speakers")
        return voice.speakers[number] if voice.speakers else None
    else:
        speaker = default
    check_speaker(speaker, voice.speakers, mixes=voice.mixes)
    return speaker


def find_voice(name: str | None) -> JobVoice:
    """Raises `SsmphonyError` when there is no such voice."""
    folder = locate(name)
    manifest = read_manifest(folder)
    path = name is not None and ("/" in name or "\\" in name)
    return JobVoice(
        name=str(folder.resolve()) if path else name or DEFAULT,
        sha256=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        speakers=manifest.speakers,
        mixes="mix" in manifest.model.capabilities,
    )


def _twice(jobs: Iterable[Job]) -> list[str]:
    """Ids and files that two lines ask for."""
    problems: list[str] = []
    for what in ("id", "file"):
        seen: dict[str, Job] = {}
        for job in jobs:
            name: str = getattr(job, what)
            first = seen.setdefault(same_file(name), job)
            if first is not job:
                same = (
                    "" if getattr(first, what) == name else f" as '{getattr(first, what)}', which some systems confuse"
                )
                problems.append(f"line {job.line}: the {what} '{name}' occurs already in line {first.line}{same}")
        if problems:  # files mostly repeat the ids
            break
    return problems
