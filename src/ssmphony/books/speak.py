"""Speaking the parts of a book: each becomes two files in a folder, which a further run finds and keeps.

HASH.flac    the sound
HASH.json    {"samples", "bytes", "words": [[segment, start, end, start_s, end_s], …]}, written after it
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ssmphony.audio.files import AudioWriter, PartialFile
from ssmphony.batch.jobs import JobVoice, find_voice
from ssmphony.books.script import Part
from ssmphony.parallel import Start
from ssmphony.types import SsmphonyError
from ssmphony.voice import Voice
from ssmphony.voices.package import load


class SpokenWord(NamedTuple):
    """A word of segment ``segment`` of a part: characters of its text, and seconds from the beginning of the part."""

    segment: int
    start: int
    end: int
    start_s: float
    end_s: float


class Spoken(NamedTuple):
    """The sound of a part; ``path`` is the file, which is not there where ``samples`` is 0."""

    path: Path
    samples: int
    words: tuple[SpokenWord, ...]


def reader(folder: Path, lexicon: Path | None, lexicon_sha256: str) -> Start[Part, int]:
    """What an executor starts in its processes: a `Reader`. The paths are absolute."""
    return partial(Reader, folder, lexicon, lexicon_sha256)


def find(folder: Path, part: Part, lexicon_sha256: str) -> Spoken | None:
    """A part that was spoken; None where it was not, or where its files are damaged."""
    name = part.fingerprint(lexicon_sha256)
    path = folder / f"{name}.flac"
    try:
        row: dict[str, Any] = json.loads((folder / f"{name}.json").read_bytes())
        samples, size = int(row["samples"]), int(row["bytes"])
        words = tuple(SpokenWord(*word) for word in row["words"])
        if samples and path.stat().st_size != size:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Spoken(path, samples, words)


class Reader:
    """Speaks parts, one after the other, on one thread. Keeps the voices that it has loaded."""

    def __init__(self, folder: Path, lexicon: Path | None, lexicon_sha256: str) -> None:
        self._folder = folder
        self._lexicon = lexicon
        self._lexicon_sha256 = lexicon_sha256
        self._voices: dict[str, Voice] = {}

    def __call__(self, part: Part) -> int:
        """Returns the samples of the part. Raises `SsmphonyError`."""
        name = part.fingerprint(self._lexicon_sha256)
        path = self._folder / f"{name}.flac"
        rate = self._voice(part.segments[0].voice).sample_rate
        words: list[SpokenWord] = []
        samples = 0
        with AudioWriter(path, rate) as writer:
            for index, segment in enumerate(part.segments):
                begin = samples
                text, shift = segment.spoken
                for chunk in self._voice(segment.voice).speak(text, segment.style):
                    writer.write(chunk.samples)
                    samples += len(chunk.samples)
                    for word in chunk.words:
                        times = (round(begin / rate + seconds, 6) for seconds in (word.start_s, word.end_s))
                        words.append(SpokenWord(index, word.start - shift, word.end - shift, *times))
                if samples > begin:
                    pause = np.zeros(round(segment.pause_s / segment.style.speed * rate), np.float32)
                    writer.write(pause)
                    samples += len(pause)
        row = {"samples": samples, "bytes": path.stat().st_size, "words": words}
        if not samples:
            path.unlink()
        with PartialFile(self._folder / f"{name}.json") as file:
            file.write(json.dumps(row).encode())
        return samples

    def _voice(self, wanted: JobVoice) -> Voice:
        if wanted.name not in self._voices:
            if find_voice(wanted.name).sha256 != wanted.sha256:
                raise SsmphonyError(f"the voice {wanted.name} was changed in the meantime: run again")
            self._voices[wanted.name] = load(wanted.name, threads=1, lexicon=self._lexicon)
        return self._voices[wanted.name]
