"""Doing one job: what every process of an engine runs."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ssmphony.audio.files import AudioWriter, PartialFile
from ssmphony.audio.watermark import marked
from ssmphony.batch.folder import HIDDEN, Row, append_row
from ssmphony.batch.jobs import Job, JobVoice, find_voice
from ssmphony.errors import NOTHING_TO_SPEAK
from ssmphony.parallel import Start
from ssmphony.text.hindi import Lexicon
from ssmphony.types import SsmphonyError
from ssmphony.voice import Voice
from ssmphony.voices.package import load

_ROOM = 1 << 20  # bytes that must be left on a disk on which jobs fail for reasons of their own


class Failed(NamedTuple):
    """A job that cannot be done, and why; the others can."""

    job: Job
    error: str


def speaker(out: Path, lexicon: Path | None, lexicon_sha256: str, watermark: bool = False) -> Start[Job, Row | Failed]:
    """What an engine starts in its processes: a `Speaker` of the folder ``out``. The paths are absolute."""
    return partial(Speaker, out, lexicon, lexicon_sha256, watermark)


def file_sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SsmphonyError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None


def lexicon_digest(lexicon: Path | None) -> str:
    """The digest of a lexicon that can be read, empty without one. Raises `SsmphonyError`."""
    if lexicon is None:
        return ""
    Lexicon.load(lexicon)
    return file_sha256(lexicon)


class Speaker:
    """Speaks jobs, one after the other, on one thread. Keeps the voices that it has loaded.

    A finished file is in the hidden folder first. Then the job's row goes to this process's journal, and then the file
    to its place: a row whose file is there is a finished job, whenever the process may be killed.
    """

    def __init__(self, out: Path, lexicon: Path | None, lexicon_sha256: str, watermark: bool = False) -> None:
        """Raises `SsmphonyError` on a machine of a cluster that does not see the files of the others."""
        if not (out / HIDDEN).is_dir():
            raise SsmphonyError(f"{out} is not the same folder on every machine: give one that all of them share")
        if lexicon is not None and file_sha256(lexicon) != lexicon_sha256:
            raise SsmphonyError(f"{lexicon} is not the same file on every machine: give one that all of them share")
        self._out = out
        self._lexicon = lexicon
        self._lexicon_sha256 = lexicon_sha256
        self._watermark = watermark
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._voices: dict[str, Voice] = {}

    def __call__(self, job: Job) -> Row | Failed:
        """Raises `SsmphonyError` when no job can be done: no such voice here, nowhere to write."""
        voice = self._voice(job.voice)
        begin = time.perf_counter()
        try:
            return self._speak(job, voice, begin)
        except SsmphonyError as error:
            self._check_disk()
            return Failed(job, str(error))
        except Exception as error:  # a text that we fail on must not stop the night's work
            return Failed(job, f"internal error, please report it: {type(error).__name__}: {error}")

    def _speak(self, job: Job, voice: Voice, begin: float) -> Row:
        style, target = job.style, self._out / job.file
        partial_file = self._out / HIDDEN / f"{self._name}{target.suffix}"
        target.unlink(missing_ok=True)  # the sound of an older text must not pass for that of this one
        samples = 0
        with AudioWriter(partial_file, voice.sample_rate) as writer:
            chunks = voice.speak(job.text, style)
            for chunk in marked(chunks, voice.sample_rate) if self._watermark else chunks:
                writer.write(chunk.samples)
                samples += len(chunk.samples)
            if not samples:
                raise SsmphonyError(NOTHING_TO_SPEAK)
        row = {
            "id": job.id,
            "file": job.file,
            "text": job.text,
            "seconds": round(samples / voice.sample_rate, 6),
            "sample_rate": voice.sample_rate,
            "voice": job.voice.name,
            "speaker": style.speaker,
            "ms": round(1000 * (time.perf_counter() - begin)),
            "bytes": partial_file.stat().st_size,
            "hash": job.fingerprint(self._lexicon_sha256, self._watermark),
        }
        append_row(self._out / HIDDEN / f"{self._name}.jsonl", row)
        os.replace(partial_file, target)
        return row

    def _voice(self, wanted: JobVoice) -> Voice:
        if wanted.name not in self._voices:
            if find_voice(wanted.name).sha256 != wanted.sha256:
                raise SsmphonyError(f"the voice {wanted.name} is not the same on every machine: install it again")
            self._voices[wanted.name] = load(wanted.name, threads=1, lexicon=self._lexicon)
        return self._voices[wanted.name]

    def _check_disk(self) -> None:
        """Raises `SsmphonyError` when nothing more can be written: then it was not the job's fault."""
        with PartialFile(self._out / HIDDEN / f"{self._name}.room") as file:
            file.require(_ROOM)
        (self._out / HIDDEN / f"{self._name}.room").unlink()
