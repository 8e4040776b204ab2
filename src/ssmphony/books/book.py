"""What is read of a document: chapters of paragraphs, the cover, the title. Every reader makes a `Book`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from ssmphony.types import SsmphonyError

MAX_CHARACTERS = 10_000_000
"""Of a book; the longest novels have six million."""
MAX_BLOCKS = 200_000
MAX_PICTURE_BYTES = 16 << 20
MAX_PICTURES_BYTES = 256 << 20
"""Of all pictures together."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SIGNATURES = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "gif"}

Kind = Literal["heading", "paragraph", "item", "quote", "picture", "rule"]
Emphasis = Literal["", "em", "strong"]


class Run(NamedTuple):
    """A stretch of text. ``speaker`` is the name of a role that the document gives, or empty."""

    text: str
    emphasis: Emphasis = ""
    speaker: str = ""


class Picture(NamedTuple):
    """``kind`` is ``jpeg``, ``png`` or ``gif``."""

    data: bytes
    kind: str


@dataclass(frozen=True)
class Block:
    """A paragraph, a heading, a picture, or the rule between two scenes.

    ``anchors`` are the places of the document that lead here, as ``file`` or ``file#fragment``.
    """

    kind: Kind
    runs: tuple[Run, ...] = ()
    level: int = 0
    """Of a heading: 1 to 6."""
    picture: str = ""
    """A key of `Book.pictures`."""
    alternative: str = ""
    """The text that the document gives in place of a picture."""
    anchors: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs)


@dataclass(frozen=True)
class Chapter:
    title: str
    blocks: tuple[Block, ...]

    @property
    def characters(self) -> int:
        return sum(len(run.text) for block in self.blocks for run in block.runs)


@dataclass(frozen=True)
class Book:
    """``language`` is a BCP 47 tag, or empty where the document does not say it."""

    title: str
    chapters: tuple[Chapter, ...]
    authors: tuple[str, ...] = ()
    language: str = ""
    cover: Picture | None = None
    pictures: Mapping[str, Picture] = field(default_factory=dict[str, Picture])
    details: Mapping[str, str] = field(default_factory=dict[str, str])
    """``date``, ``publisher``, ``rights``, ``description``, ``identifier``: those that the document has."""

    def with_details(self, title: str | None, author: str | None, cover: Picture | None) -> Book:
        """The book with what is not None in place of its own."""
        return replace(
            self,
            title=self.title if title is None else clean(title),
            authors=self.authors if author is None else (clean(author),),
            cover=cover or self.cover,
        )


class Entry(NamedTuple):
    """A line of a table of contents. ``target`` is one of the anchors of a block."""

    title: str
    target: str


def clean(text: str) -> str:
    """``text`` in one line, without what XML cannot hold."""
    return " ".join(_NOT_XML.sub("", text).split())


def printable(text: str) -> str:
    """``text`` without what XML cannot hold; line ends stay."""
    return _NOT_XML.sub("", text)


def language_tag(text: str) -> str:
    """``text`` if it looks like a BCP 47 tag, else nothing."""
    return text if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", text) else ""


def picture_of(data: bytes) -> Picture | None:
    """A picture that every audiobook player and every reader of EPUB can show; None for anything else."""
    kind = next((kind for signature, kind in _SIGNATURES.items() if data.startswith(signature)), None)
    return None if kind is None or len(data) > MAX_PICTURE_BYTES else Picture(data, kind)


class Pictures:
    """The pictures of a document, read when they are first named, until they are too large together."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        """``read`` returns the contents of a file by its name, None where the document may not have it."""
        self.found: dict[str, Picture] = {}
        self._read = read
        self._refused: set[str] = set()
        self._left = MAX_PICTURES_BYTES

    def key(self, name: str) -> str:
        """The key of a picture in ``found``, nothing where it cannot be shown."""
        if name not in self.found and name not in self._refused:
            data = self._read(name) if self._left > 0 else None
            picture = None if data is None else picture_of(data)
            if picture is None:
                self._refused.add(name)
            else:
                self.found[name] = picture
                self._left -= len(picture.data)
        return name if name in self.found else ""


def by_contents(blocks: Sequence[Block], contents: Sequence[Entry], title: str) -> tuple[Chapter, ...]:
    """Chapters as the table of contents has them; what stands before the first is a chapter called ``title``."""
    places: dict[str, int] = {}
    for index, block in enumerate(blocks):
        for anchor in block.anchors:
            places.setdefault(anchor, index)
    starts: dict[int, str] = {}
    for entry in contents:
        place = places.get(entry.target, places.get(entry.target.partition("#")[0]))
        if place is not None:
            starts.setdefault(place, entry.title)
    return _cut(blocks, starts, title)


def by_headings(
    blocks: Sequence[Block], title: str, otherwise: str, level: int | None = None
) -> tuple[str, tuple[Chapter, ...]]:
    """The title and the chapters of a document without a table of contents; ``otherwise`` is for one without a title.

    Chapters begin at the headings down to ``level``, or to the first level that has two of them. A document that
    begins with its only heading of the top level has its title there.
    """
    levels = sorted({block.level for block in blocks if block.kind == "heading"})
    counts = {number: sum(block.level == number for block in blocks if block.kind == "heading") for number in levels}
    several = next((number for number in levels if counts[number] > 1), levels[-1] if levels else 0)
    deepest = several if level is None else level
    first = next((block for block in blocks if block.kind != "picture"), None)
    if first is not None and first.kind == "heading" and counts[first.level] == 1 and len(levels) > 1:
        title = title or clean(first.text)
    title = title or otherwise
    starts = {
        index: clean(block.text)
        for index, block in enumerate(blocks)
        if block.kind == "heading" and block.level <= deepest
    }
    return title, _cut(blocks, starts, title)


def _cut(blocks: Sequence[Block], starts: Mapping[int, str], title: str) -> tuple[Chapter, ...]:
    cuts = sorted(starts)
    chapters = [
        Chapter(starts[begin], tuple(blocks[begin:end]))
        for begin, end in zip(cuts, [*cuts[1:], len(blocks)], strict=False)
    ]
    before = tuple(blocks[: cuts[0]] if cuts else blocks)
    if before:
        chapters.insert(0, Chapter(title, before))
    return tuple(chapters)


def check_size(blocks: Sequence[Block], where: str) -> None:
    """Raise `SsmphonyError` for a document that is too long, or has no text."""
    characters = sum(len(run.text) for block in blocks for run in block.runs)
    if characters > MAX_CHARACTERS or len(blocks) > MAX_BLOCKS:
        raise too_long(where)
    if not any(character.isalnum() for block in blocks for run in block.runs for character in run.text):
        raise SsmphonyError(f"{where} holds no text to speak")


def too_long(where: str) -> SsmphonyError:
    return SsmphonyError(
        f"{where} has over {MAX_CHARACTERS:,} characters or {MAX_BLOCKS:,} paragraphs, too many for a book: split it"
    )
