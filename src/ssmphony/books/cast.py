"""Who speaks what: the narrator, and speakers for chapters, for dialogue, and for the roles that a book marks.

A role is marked by the attribute ``data-speaker`` of an element of HTML or EPUB, or, in every kind of document, by its
name in brackets at the beginning of a paragraph: ``[रानी] आप कौन हैं?``. Dialogue is what stands in quotation marks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ssmphony.batch.jobs import JobVoice, find_voice
from ssmphony.books.book import Block, Book, Run
from ssmphony.config import suggest
from ssmphony.speakers import check_speaker
from ssmphony.types import SsmphonyError, Style
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import locate

DIALOGUE = "dialogue"
"""The role of what stands in quotation marks."""
_QUOTED = re.compile(
    r"“[^“”]{1,2000}”|«[^«»]{1,2000}»|„[^„“”]{1,2000}[“”]|\"[^\"]{1,2000}\"|(?<!\w)‘[^‘’]{1,2000}’(?!\w)"
)
_SAID = re.compile(r"[,،।॥.?!…—–-]\W*$")
_WORDS = 3
"""Quotation marks around fewer words, without a mark before the last one, set off a term and no speech."""
_MARKED = re.compile(r"\s*\[([^\[\]\n]{1,60})\]:?\s*")


class Actor(NamedTuple):
    """A speaker of a voice, as every process finds it."""

    voice: JobVoice
    speaker: str | None
    sample_rate: int


@dataclass(frozen=True)
class Cast:
    """``chapters`` are numbered from 1, as ``ssmphony book --list`` shows them."""

    narrator: Actor
    style: Style
    chapters: Mapping[int, Actor] = field(default_factory=dict[int, Actor])
    roles: Mapping[str, Actor] = field(default_factory=dict[str, Actor])

    def actor(self, role: str, chapter: int) -> Actor:
        return self.roles.get(role) or self.chapters.get(chapter) or self.narrator

    def style_of(self, actor: Actor) -> Style:
        return replace(self.style, speaker=actor.speaker)


def make_cast(voice: str | None, style: Style, pairs: Sequence[str]) -> Cast:
    """The cast that the options ask for: ``pairs`` are ``WHO=SPEAKER``, ``WHO=SPEAKER@VOICE`` or ``WHO=@VOICE``.

    ``WHO`` is the number of a chapter, ``dialogue``, or a role of the book.

    Raises:
        SsmphonyError: For a pair that is none, for an unknown voice or speaker, and for voices of two sample rates.
    """
    narrator = _actor(voice, style.speaker)
    chapters: dict[int, Actor] = {}
    roles: dict[str, Actor] = {}
    for pair in pairs:
        who, mark, whose = pair.partition("=")
        who, (speaker, at, other) = who.strip(), whose.strip().partition("@")
        if not (who and mark and (speaker or other)) or (at and not other):
            raise SsmphonyError(f"--cast '{pair}': write WHO=SPEAKER or WHO=SPEAKER@VOICE, such as dialogue=alpha")
        actor = _actor(other if at else voice, speaker or None)
        if actor.sample_rate != narrator.sample_rate:
            raise SsmphonyError(
                f"--cast '{pair}': {actor.voice.name} speaks at {actor.sample_rate} Hz and the narrator at "
                f"{narrator.sample_rate} Hz: choose voices of one sample rate"
            )
        if who.isdecimal():
            chapters[int(who)] = actor
        else:
            roles[who] = actor
    return Cast(narrator, style, chapters, roles)


def _actor(name: str | None, speaker: str | None) -> Actor:
    voice = find_voice(name)
    check_speaker(speaker, voice.speakers, mixes=voice.mixes)
    return Actor(voice, speaker, read_manifest(locate(name)).codec.sample_rate)


def with_roles(book: Book, cast: Cast) -> Book:
    """The book with the marks of roles taken out of its text, and the speaker of each run set to its role.

    Raises:
        SsmphonyError: Where the cast has a chapter or a role that the book does not have.
    """
    chapters = tuple(
        replace(chapter, blocks=tuple(_marked(block, cast.roles) for block in chapter.blocks))
        for chapter in book.chapters
    )
    if wrong := next((number for number in cast.chapters if not 1 <= number <= len(chapters)), None):
        raise SsmphonyError(f"--cast {wrong}=…: this book has {len(chapters)} chapters; --list shows them")
    marked = {run.speaker for chapter in chapters for block in chapter.blocks for run in block.runs} - {""}
    for role in cast.roles:
        if role != DIALOGUE and role not in marked:
            known = f"; it marks {', '.join(sorted(marked))}" if marked else "; it marks none"
            raise SsmphonyError(f"--cast {role}=…: this book marks no such role{suggest(role, marked)}{known}")
    return replace(book, chapters=chapters)


def _marked(block: Block, roles: Mapping[str, Actor]) -> Block:
    """With the role in brackets that begins it, if the cast has that role, as the speaker of all its runs."""
    match = _MARKED.match(block.runs[0].text) if block.runs and block.kind != "heading" else None
    if match is None or match[1] not in roles or not block.text[match.end() :].strip():
        return block
    first, *others = block.runs
    runs = (first._replace(text=first.text[match.end() :]), *others)
    return replace(block, runs=tuple(run._replace(speaker=run.speaker or match[1]) for run in runs if run.text))


class Line(NamedTuple):
    """What one role says without a break: the text of a block from ``start`` on."""

    role: str
    start: int
    text: str


def lines(block: Block, *, dialogue: bool) -> Iterator[Line]:
    """The text of a block, cut where the role changes; with ``dialogue``, at quotation marks too."""
    text = block.text
    roles = [role for run in block.runs for role in [run.speaker] * len(run.text)]
    if dialogue and block.kind != "heading":
        for match in _QUOTED.finditer(text):
            if _SAID.search(match[0][:-1]) or len(match[0].split()) >= _WORDS:
                roles[match.start() : match.end()] = [role or DIALOGUE for role in roles[match.start() : match.end()]]
    held: list[Line] = []
    begin = 0
    for place in range(1, len(text) + 1):
        if place < len(text) and roles[place] == roles[begin]:
            continue
        piece = text[begin:place]
        if held and not any(character.isalnum() for character in piece):  # marks go with the words before them
            held[-1] = held[-1]._replace(text=held[-1].text + piece)
        else:
            held.append(Line(roles[begin], begin, piece))
        begin = place
    yield from (line for line in held if any(character.isalnum() for character in line.text))


def only_marks(runs: Sequence[Run]) -> bool:
    """Whether there is nothing to speak in it: asterisks between two scenes, say."""
    return not any(character.isalnum() for run in runs for character in run.text)
