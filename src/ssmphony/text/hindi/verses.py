"""Places in scripture: यूहन्ना 3:16, मत्ती 5:3-12, गीता 2.47, कुरान 2:255: chapter and verse, one after the other;
ऋग्वेद 10.129.1: book, hymn and verse."""

from __future__ import annotations

import re

from ssmphony.text.hindi import measures, numbers, quantities, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_BOOKS = {row[0]: len(row) > 1 for row in tables.rows("scriptures")}
"""Whether a point may stand between chapter and verse."""
_FILLERS = frozenset(
    "शरीफ शरीफ़ पाक मजीद करीम सुसमाचार पुस्तक पत्री ग्रंथ अध्याय श्लोक आयत पद वचन मंत्र सूक्त chapter verse में के का की".split()
)
_SURAS = frozenset("सूरा सूरह".split())
"""The name of the sura may follow (सूरा अल-बक़रा)."""
_KINDS_OF_BOOKS = ("उपनिषद", "उपनिषद्", "पनिषद", "पनिषद्", "पुराण", "स्मृति", "संहिता", "सूत्र")
"""Ends of the names of books whose places have points."""
_CLOCK_AFTER = Lazy(rf"\s?(?:बजे|बजकर|[AaPp]\.?[Mm]\b|hrs|मिनट|घंटे)(?!{DEVANAGARI})")
_LISTED = Lazy(r"\d{1,3}[:.]\d{1,3}(?:[-–]\d{1,3})?\s?[;,]\s?\Z")


def _verse(match: re.Match[str], state: Context) -> Said | None:
    """After the name of a book, and after another verse of it; a time of day (गीता 5:30 बजे आई) is none."""
    book = _book(match.start(), state)
    if book is None or _CLOCK_AFTER.match(state.text, match.end()):
        return None
    if match["point"] != ":" and (not _BOOKS.get(book, True) or _counted(match.end(), state)):
        return None
    parts = [part for part in match.group("chapter", "verse", "third") if part]
    words = [word for part in parts for word in numbers.cardinal(int(part))]
    if match["last"]:
        words += ("से", *(word for part in re.split("[:./]", match["last"]) for word in numbers.cardinal(int(part))))
    return tuple(words), match.end()


def _counted(place: int, state: Context) -> bool:
    """Whether a number is an amount: 2.5 लाख, 2.5 किमी, 2.5%."""
    return bool(
        quantities.scales(state.text, place)[0]
        or measures.unit(state.text, place)
        or state.text[place : place + 2].lstrip().startswith("%")
    )


def _book(place: int, state: Context) -> str | None:
    """The book that is named before a place, other verses of it in between."""
    listed = _LISTED.search(state.text[max(0, place - 16) : place])
    while listed:
        place -= len(listed[0])
        listed = _LISTED.search(state.text[max(0, place - 16) : place])
    words = [word.lower() for word in state.words_before(place)][-4:]
    while words and words[-1] in _FILLERS and words[-1] not in _BOOKS:
        words.pop()
    if words and words[-1].endswith(_KINDS_OF_BOOKS):
        return words[-1]
    return next(
        (name for name in (" ".join(words[-2:]), *words[-1:], *_SURAS.intersection(words[-2:-1])) if name in _BOOKS),
        None,
    )


def _numbered(match: re.Match[str], state: Context) -> Said:
    """॥ १.१ ॥ and ॥२-४७॥: chapter and verse between the strokes that end it."""
    return tuple(word for part in re.findall(r"\d+", match[0]) for word in numbers.cardinal(int(part))), match.end()


def _metre(match: re.Match[str], state: Context) -> Said:
    """चौ.- मंगल भवन, दो० – रहिमन"""
    return (_METRES[match[1]],), match.end()


_METRES = {"चौ": "चौपाई", "दो": "दोहा", "सो": "सोरठा", "छं": "छंद", "श्लो": "श्लोक"}
TOKENS = (
    Token("h", rf"({'|'.join(_METRES)})[.0](?=\s?[-–—:])", _metre),
    Token("d", r"(?<![\d.,])\d{1,3}(?:\s?[.:/,-]\s?\d{1,4}){1,2}(?=\s?(?:॥|।।|\|\|))", _numbered),
    Token(
        "d",
        (
            r"(?P<chapter>\d{1,3})(?P<point>[:./])(?P<verse>\d{1,3})(?:(?P=point)(?P<third>\d{1,3}))?"
            r"(?:\s?[-–—]\s?(?P<last>(?:\d{1,3}[:./])?\d{1,3}))?(?![\d:]|[./]\d|-\d)"
        ),
        _verse,
    ),
)
