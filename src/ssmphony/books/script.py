"""A book cut into the parts that are spoken one by one, each of which is finished or not when a run is stopped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ssmphony.batch.jobs import JobVoice
from ssmphony.books.book import Book, Chapter
from ssmphony.books.cast import DIALOGUE, Cast, lines, only_marks
from ssmphony.text.ssml import is_ssml
from ssmphony.types import Style

_PART_CHARACTERS = 1500
"""Paragraphs of a part, together: about two minutes of speech, spoken in seconds."""
_AFTER_S = {"heading": 0.7, "item": 0.15, "rule": 1.0, "picture": 0.0}
"""Silence after a block, in addition to that after its last sentence."""
_AFTER_PARAGRAPH_S = 0.25
_AFTER_CHAPTER_S = 1.5


class Segment(NamedTuple):
    """A text by one speaker: what stands in block ``block`` of its chapter from character ``start`` on."""

    block: int
    start: int
    text: str
    voice: JobVoice
    style: Style
    pause_s: float
    """Silence after it."""

    @property
    def spoken(self) -> tuple[str, int]:
        """What the voice is given, and how many characters of it stand before the text."""
        return (f". {self.text}", 2) if is_ssml(self.text) else (self.text, 0)  # a book about SSML is no SSML


@dataclass(frozen=True)
class Part:
    """A few paragraphs of a chapter, which is counted from 0."""

    chapter: int
    segments: tuple[Segment, ...]

    @property
    def characters(self) -> int:
        return sum(len(segment.text) for segment in self.segments)

    def fingerprint(self, lexicon_sha256: str) -> str:
        """What its sound depends on, hashed: the name of its files."""
        rows = [(*segment[:3], segment.voice.sha256, vars(segment.style), segment.pause_s) for segment in self.segments]
        return hashlib.sha256(json.dumps([rows, lexicon_sha256], sort_keys=True).encode()).hexdigest()[:32]


def make_parts(book: Book, cast: Cast) -> list[Part]:
    """All parts of a book, in their order."""
    return [part for index, chapter in enumerate(book.chapters) for part in _parts(index, chapter, cast)]


def _parts(index: int, chapter: Chapter, cast: Cast) -> Iterator[Part]:
    segments = list(_segments(index, chapter, cast))
    if segments:
        segments[-1] = segments[-1]._replace(pause_s=segments[-1].pause_s + _AFTER_CHAPTER_S)
    held: list[Segment] = []
    for segment in segments:
        full = sum(len(other.text) for other in held) + len(segment.text) > _PART_CHARACTERS
        if held and full and held[-1].block != segment.block:
            yield Part(index, tuple(held))
            held = []
        held.append(segment)
    if held:
        yield Part(index, tuple(held))


def _segments(index: int, chapter: Chapter, cast: Cast) -> Iterator[Segment]:
    last: Segment | None = None
    for number, block in enumerate(chapter.blocks):
        if only_marks(block.runs):
            pause_s = _AFTER_S["picture" if block.kind == "picture" else "rule"]
            last = last and last._replace(pause_s=last.pause_s + pause_s)
            continue
        for line in lines(block, dialogue=DIALOGUE in cast.roles):
            if last is not None:
                yield last
            actor = cast.actor(line.role, index + 1)
            last = Segment(number, line.start, line.text, actor.voice, cast.style_of(actor), 0.0)
        pause_s = _AFTER_S.get(block.kind, _AFTER_PARAGRAPH_S)
        last = last and last._replace(pause_s=pause_s)
    if last is not None:
        yield last
