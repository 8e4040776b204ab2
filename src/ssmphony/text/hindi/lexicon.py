"""Words and how to say them, in a table that a user writes:

    # word      phones (IPA or ASCII notation) or a Devanagari respelling      context
    nvidia      एनविडिया
    हरमीत       ɦ ə ɾ m iː t̪
    IT          आई टी
    बाल         बॉल                                                            नो वाइड _ फेंक*

The columns are separated by tabs. ``context`` lists words one of which must stand near: one of those before the ``_``
directly before the word, or one of those after the ``_`` directly after it; without ``_`` any of them, up to four words
away on either side. ``*`` stands for any ending. A key with capitals is found as it is written, others in any case.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

from ssmphony.errors import SsmphonyError
from ssmphony.text import notation
from ssmphony.text.hindi.graphemes import NUKTA
from ssmphony.text.hindi.spelling import spell_phones
from ssmphony.text.hindi.unicode import clean

_NEAR = 4
"""How many words away a context word may stand that is not said to stand right next to."""
_DEVANAGARI = "\u0900-\u0903\u0905-\u0963\u0971-\u097f"
_PIECE = re.compile(rf"[{_DEVANAGARI}]+|[A-Za-z]+(?:['’][A-Za-z]+)?|\d+|\s+|.", re.DOTALL)
_RESPELLING = re.compile(rf"[{_DEVANAGARI}\s]+")


class Pronunciation(NamedTuple):
    """Devanagari ``words``, and their ``phones`` where these are given and not to be found from the spelling."""

    words: tuple[str, ...]
    phones: tuple[str, ...] = ()


class Found(NamedTuple):
    """A stretch of a text that is said in a given way; offsets into that text."""

    start: int
    end: int
    said: Pronunciation


class Neighbours(NamedTuple):
    """Folded words, and what folded words begin with."""

    words: frozenset[str]
    beginnings: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Neighbours:
        words = text.split()
        beginnings = tuple(word[:-1] for word in words if word.endswith("*"))
        return cls(frozenset(word for word in words if not word.endswith("*")), beginnings)

    def hold_one_of(self, folded: Iterable[str]) -> bool:
        return any(word in self.words or word.startswith(self.beginnings) for word in folded)


class Context(NamedTuple):
    """Words, without nukta and in lower case; see the module's docstring."""

    before: Neighbours
    after: Neighbours
    reach: int

    @classmethod
    def parse(cls, text: str) -> Context:
        before, gap, after = _fold(text).partition("_")
        return cls(Neighbours.parse(before), Neighbours.parse(after if gap else before), 1 if gap else _NEAR)

    def fits(self, before: Sequence[str], after: Sequence[str]) -> bool:
        """Whether one of the last folded words of ``before``, or the first of ``after``, is asked for."""
        return self.before.hold_one_of(before[-self.reach :]) or self.after.hold_one_of(after[: self.reach])


class Entry(NamedTuple):
    said: Pronunciation
    context: Context | None


@dataclass(frozen=True)
class Lexicon:
    """Entries by their cleaned key, those with a context first. Immutable; ``a | b`` is both, ``b`` winning."""

    entries: Mapping[str, tuple[Entry, ...]]
    longest: int = 0
    """Pieces (words, spaces, marks) of the longest key."""

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Lexicon:
        """Read a TSV file; raises `SsmphonyError` that names the file, the line and the remedy."""
        try:
            with open(path, encoding="utf-8-sig") as file:
                text = file.read()
        except UnicodeDecodeError:
            raise SsmphonyError(f"{path} is not valid UTF-8: save it as UTF-8, or convert it with iconv") from None
        except OSError as error:
            raise SsmphonyError(f"cannot read the lexicon {path}: {(error.strerror or str(error)).lower()}") from None
        return cls.parse(text.split("\n"), str(path))

    @classmethod
    def parse(cls, lines: Iterable[str], name: str = "lexicon") -> Lexicon:
        """The same from its lines.

        >>> from ssmphony.text import hindi
        >>> names = Lexicon.parse(["nvidia\\tएनविडिया"])
        >>> hindi.normalize("NVIDIA आया", lexicon=names)
        'एनविडिया आया'
        """
        entries: dict[str, tuple[Entry, ...]] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                key, entry = _row(line)
                if any(entry.context == other.context for other in entries.get(key, ())):
                    raise ValueError(f"'{key}' is given a second time: delete one of the two lines")
            except ValueError as fault:
                raise SsmphonyError(f"{name}, line {number}: {fault}") from None
            same = entries.get(key, ())
            entries[key] = (entry, *same) if entry.context else (*same, entry)
        return cls(MappingProxyType(entries), max((len(_pieces(key)) for key in entries), default=0))

    def __or__(self, other: Lexicon) -> Lexicon:
        return Lexicon(MappingProxyType({**self.entries, **other.entries}), max(self.longest, other.longest))

    @property
    def dotted(self) -> frozenset[str]:
        """Keys that end in a dot, without it: no sentence ends there."""
        return frozenset(key[:-1] for key in self.entries if key.endswith("."))

    def choose(self, key: str, before: Sequence[str], after: Sequence[str]) -> Pronunciation | None:
        """How ``key`` is said between these words; None where no entry fits."""
        entries = self.entries.get(key, ())
        if any(entry.context for entry in entries):
            before, after = list(map(_fold, before[-_NEAR:])), list(map(_fold, after[:_NEAR]))
        for entry in entries:
            if entry.context is None or entry.context.fits(before, after):
                return entry.said
        return None

    def find(self, text: str) -> Iterator[Found]:
        """Every entry in ``text`` from left to right, the longest key first."""
        cleaned = clean(text)
        pieces = _pieces(cleaned.text)
        keys = [_key_piece(piece) for piece in pieces]
        joined, starts = "".join(keys), (0, *accumulate(map(len, keys)))
        place = start = 0
        while place < len(pieces):
            found = self._at(pieces, joined, starts, place)
            count = found[0] if found else 1
            stop = start + sum(map(len, pieces[place : place + count]))
            if found:
                yield Found(*cleaned.span(start, stop), found[1])
            place, start = place + count, stop

    def _at(
        self, pieces: Sequence[str], joined: str, starts: Sequence[int], place: int
    ) -> tuple[int, Pronunciation] | None:
        """How many pieces the entry at ``place`` takes, and what it says.

        ``joined`` are the pieces as keys write them, of which each begins at one of ``starts``.
        """
        if pieces[place].isspace():
            return None  # a blank belongs to no word
        for count in range(min(self.longest, len(pieces) - place), 0, -1):
            written = joined[starts[place] : starts[place + count]]
            for key in dict.fromkeys((written, written.lower())):
                if key in self.entries:
                    before, after = pieces[max(0, place - 12) : place], pieces[place + count : place + count + 12]
                    if said := self.choose(key, _words(before), _words(after)):
                        return count, said
        return None


def _row(line: str) -> tuple[str, Entry]:
    """Key and entry of a line; raises `ValueError` with what is wrong and what to do."""
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) < 2 or not cells[1]:
        raise ValueError("write the word, a tab, and its phones or a Devanagari respelling")
    if len(cells) > 3 and any(cells[3:]):
        raise ValueError(f"{len(cells)} columns, where three are read: word, pronunciation, context")
    key = _key(clean(cells[0]).text)
    if not re.search(rf"[{_DEVANAGARI}A-Za-z\d]", key):
        raise ValueError(f"'{cells[0]}' is no word: write one in Devanagari or Latin letters")
    context = Context.parse(clean(cells[2]).text) if len(cells) > 2 and cells[2] else None
    return key, Entry(_pronunciation(key, cells[1]), context)


def _pronunciation(key: str, value: str) -> Pronunciation:
    respelled = clean(value).text
    if _RESPELLING.fullmatch(respelled):
        return Pronunciation(tuple(respelled.split()))
    try:
        phones = notation.parse(value)
    except notation.NotationError as error:
        raise ValueError(
            f"'{error.symbol}' in '{value}' is neither a phone nor a Devanagari letter: take the phones of docs/text.md"
        ) from None
    native = re.fullmatch(rf"[{_DEVANAGARI}]+", key)
    return Pronunciation((key if native else spell_phones(phones),), phones)


def _pieces(text: str) -> list[str]:
    return _PIECE.findall(text)


def _key(text: str) -> str:
    return "".join(map(_key_piece, _pieces(text.strip())))


def _key_piece(piece: str) -> str:
    return " " if piece.isspace() else piece.replace("’", "'")


def _words(pieces: Sequence[str]) -> list[str]:
    return [piece for piece in pieces if piece[0].isalnum()]


def _fold(word: str) -> str:
    return unicodedata.normalize("NFD", word).replace(NUKTA, "").lower()
