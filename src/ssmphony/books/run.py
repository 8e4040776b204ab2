"""``ssmphony book``: all parts of a book are spoken, and then put together. A run that was stopped goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from ssmphony.audio.chaptered import CHAPTERED, ChapteredWriter, ChapterMark, check_cover, require_chapters
from ssmphony.audio.files import AudioWriter
from ssmphony.audio.watermark import marked_samples
from ssmphony.batch.folder import claimed
from ssmphony.batch.speak import lexicon_digest
from ssmphony.books.book import Book
from ssmphony.books.cast import Cast
from ssmphony.books.overlays import SpokenChapter, TimedWord
from ssmphony.books.package import write_overlays
from ssmphony.books.script import Part, make_parts
from ssmphony.books.speak import Spoken, find, reader
from ssmphony.parallel import Executor
from ssmphony.parallel.local import run_local
from ssmphony.types import Samples, SsmphonyError
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import locate

EPUB = ".epub"
OUTPUTS = (*CHAPTERED, EPUB)
"""Endings of the names of what is made of a book."""
_BLOCK = 1 << 16  # samples
_ISO_639_2 = {"hi": "hin", "en": "eng", "mr": "mar", "ne": "nep", "sa": "san", "ta": "tam", "bn": "ben", "ur": "urd"}


class Made(NamedTuple):
    """What a run made: seconds of sound, chapters with sound, and parts that an earlier run had spoken."""

    seconds: float
    chapters: int
    kept: int


Begin = Callable[[int, int], None]
"""Called with the characters of the book, and of them those that an earlier run has spoken."""
Progress = Callable[[int, float], None]
"""Called after each part with its characters and its seconds."""


def check_outputs(source: Path, outputs: Sequence[Path]) -> None:
    """Raise `SsmphonyError` for files that cannot be made, before anything is spoken."""
    for path in outputs:
        if path.suffix.lower() not in OUTPUTS:
            raise SsmphonyError(f"cannot write {path}: its name must end in {', '.join(OUTPUTS)}")
        if path.exists() and source.exists() and path.samefile(source):
            raise SsmphonyError(f"{path} is the book itself: choose another name with -o")
        if path.is_dir() or not path.parent.is_dir():
            reason = "it is a folder" if path.is_dir() else f"there is no folder {path.parent}"
            raise SsmphonyError(f"cannot write {path}: {reason}")
    suffixes = {path.suffix.lower() for path in outputs}
    for suffix in suffixes:
        require_chapters(".m4a" if suffix == EPUB else suffix)


def work_folder(output: Path) -> Path:
    """Where the parts of an unfinished book are: next to it."""
    return output.parent.resolve() / f".{output.name}.parts"


def make_book(
    book: Book,
    cast: Cast,
    outputs: Sequence[Path],
    *,
    lexicon: Path | None = None,
    watermark: bool = False,
    workers: int | None = None,
    engine: Executor = run_local,
    begin: Begin | None = None,
    progress: Progress | None = None,
) -> Made:
    """Speak ``book`` to all ``outputs``, which `check_outputs` has checked.

    Each output appears whole or not at all. What was spoken stays in `work_folder` until all of them are there.
    ``watermark`` marks each chapter as synthetic (`ssmphony.audio.watermark`).

    Raises:
        SsmphonyError: Where a part cannot be spoken, or nothing in the book can.
    """
    digest = lexicon_digest(lexicon)
    lexicon = lexicon and lexicon.resolve()
    if book.cover is not None and book.cover.kind != "gif":
        check_cover(*book.cover)
    parts = make_parts(book, cast)
    work = work_folder(outputs[0])
    try:
        with claimed(work):
            todo = _speak(parts, work, lexicon, digest, cast, workers, engine, begin, progress)
            sound = _Sound(book, cast, work, parts, digest, watermark)
            for output in outputs:
                unfinished = work / f"unfinished{output.suffix.lower()}"
                sound.write(unfinished)
                os.replace(unfinished, output)
    except BaseException:
        if not any(work.glob("*.flac")):  # nothing to go on with
            shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)
    return Made(sound.samples / cast.narrator.sample_rate, len(sound.marks), len(parts) - todo)


def _speak(
    parts: Sequence[Part],
    work: Path,
    lexicon: Path | None,
    digest: str,
    cast: Cast,
    workers: int | None,
    engine: Executor,
    begin: Begin | None,
    progress: Progress | None,
) -> int:
    """Speak the parts that are missing, and return how many there were."""
    todo = [part for part in parts if find(work, part, digest) is None]
    if begin is not None:
        characters, left = (sum(part.characters for part in group) for group in (parts, todo))
        begin(characters, characters - left)
    with closing(engine(reader(work, lexicon, digest), todo, workers)) as results:
        for index, samples in results:
            if progress is not None:
                progress(todo[index].characters, samples / cast.narrator.sample_rate)
    return len(todo)


class _Sound:
    """The sound of all chapters, in the files of their parts."""

    def __init__(self, book: Book, cast: Cast, work: Path, parts: Sequence[Part], digest: str, watermark: bool) -> None:
        self._book, self._cast, self._work, self._watermark = book, cast, work, watermark
        self._rate = cast.narrator.sample_rate
        self._chapters: list[list[tuple[Part, Spoken]]] = [[] for _ in book.chapters]
        for part in parts:
            spoken = find(work, part, digest)
            if spoken is None:
                raise SsmphonyError(f"{work} was changed in the meantime: run the same command again")
            self._chapters[part.chapter].append((part, spoken))
        lengths = [sum(spoken.samples for _, spoken in chapter) for chapter in self._chapters]
        stops = list(accumulate(lengths))
        self.samples = stops[-1] if stops else 0
        self.marks = [
            ChapterMark(chapter.title or str(number), stop - length, stop)
            for number, (chapter, length, stop) in enumerate(zip(book.chapters, lengths, stops, strict=True), start=1)
            if length
        ]
        if not self.samples:
            raise SsmphonyError("nothing to speak: the book holds no letter and no digit")

    def write(self, path: Path) -> None:
        if path.suffix == EPUB:
            self._write_overlays(path)
            return
        cover = self._book.cover
        shown = None if cover is None or cover.kind == "gif" else cover
        code = _ISO_639_2.get(self._language.partition("-")[0].lower(), "und")
        with ChapteredWriter(path, self._rate, self.marks, self._tags(), shown, code) as writer:
            for chapter in self._chapters:
                for samples in self._samples(chapter):
                    writer.write(samples)

    def _write_overlays(self, path: Path) -> None:
        chapters: list[SpokenChapter] = []
        for number, chapter in enumerate(self._chapters):
            audio = self._work / f"chapter-{number}.m4a"
            seconds = sum(spoken.samples for _, spoken in chapter) / self._rate
            words = tuple(self._words(chapter))
            if words:
                with AudioWriter(audio, self._rate) as writer:
                    for samples in self._samples(chapter):
                        writer.write(samples)
            chapters.append(SpokenChapter(audio if words else None, seconds, words))
        write_overlays(path, self._book, chapters, language=self._language, narrator=self._narrator)

    def _samples(self, chapter: Sequence[tuple[Part, Spoken]]) -> Iterator[Samples]:
        """The parts on the disk are never marked, so that they serve a further run with or without the mark."""
        pieces = _stored(chapter)
        return marked_samples(pieces, self._rate) if self._watermark else pieces

    def _words(self, chapter: Sequence[tuple[Part, Spoken]]) -> Iterator[TimedWord]:
        begin_s = 0.0
        for part, spoken in chapter:
            for word in spoken.words:
                segment = part.segments[word.segment]
                place = segment.start + word.start
                yield TimedWord(segment.block, place, segment.start + word.end, begin_s + word.start_s)
            begin_s += spoken.samples / self._rate

    @property
    def _language(self) -> str:
        return self._book.language or read_manifest(locate(self._cast.narrator.voice.name)).language

    @property
    def _narrator(self) -> str:
        actor = self._cast.narrator
        speaker = f", {actor.speaker}" if actor.speaker else ""
        return f"ssmphony, synthetic voice ({Path(actor.voice.name).name}{speaker})"

    def _tags(self) -> dict[str, str]:
        book, author = self._book, ", ".join(self._book.authors)
        names = {"date": "date", "publisher": "publisher", "rights": "copyright", "description": "description"}
        tags = {names[key]: value for key, value in book.details.items() if key in names}
        tags |= {"title": book.title, "album": book.title, "composer": self._narrator}
        return {**tags, "artist": author, "album_artist": author} if author else tags


def _stored(chapter: Sequence[tuple[Part, Spoken]]) -> Iterator[Samples]:
    for _, spoken in chapter:
        if spoken.samples:
            with soundfile.SoundFile(spoken.path) as file:
                while len(samples := np.asarray(file.read(_BLOCK, dtype="float32"), np.float32)):
                    yield samples
