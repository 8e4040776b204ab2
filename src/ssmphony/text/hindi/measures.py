"""Units behind a number: abbreviated or written out, squared or cubed, one per another."""

from __future__ import annotations

import re
from typing import NamedTuple

from ssmphony.text.hindi import abbreviations, numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token


class Unit(NamedTuple):
    """A unit that was read: its words, where it ends, and whether halves and quarters of it are counted so."""

    words: tuple[str, ...]
    end: int
    everyday: bool


class _Row(NamedTuple):
    words: tuple[str, ...]
    everyday: bool
    dotted: bool


UNITS = {
    row[0]: _Row(tuple(row[1].split()), "everyday" in row[2:], "dotted" in row[2:]) for row in tables.rows("units")
}
_POWERS = {"²": "वर्ग", "2": "वर्ग", "³": "घन", "3": "घन"}
_PREFIXES = {"sq": "वर्ग", "वर्ग": "वर्ग", "घन": "घन", "cubic": "घन", "cu": "घन"}
_LATIN = r"°\s?(?:[CFK](?![A-Za-z])|से\.?|फ़ा\.?)|[A-Za-zμ]{1,6}\.?"
_FORMS = tuple(
    re.compile(rf"(?:(sq\.?|cu\.?|cubic|वर्ग|घन)\s)?({name})([²³]|[23](?![\d.,]))?(?![A-Za-z\d]|{DEVANAGARI})")
    for name in (
        rf"{DEVANAGARI}{{1,4}}\.\s?{DEVANAGARI}{{1,4}}\.?",
        rf"{DEVANAGARI}{{1,5}}\.",
        rf"{_LATIN}|{DEVANAGARI}{{1,10}}",
    )
)
"""Units as written, the longest first: कि.मी. or कि. मी., मी., km or किमी."""
_GAP = re.compile(r"[\s-]?")
_WORD = re.compile(rf"{DEVANAGARI}{{1,15}}")


def unit(text: str, place: int) -> Unit | None:
    """The unit at ``place``, one space or hyphen before it allowed."""
    gap = _GAP.match(text, place)
    place = gap.end() if gap else place
    first = _single(text, place)
    if first is None:
        return None
    if text.startswith("/", first.end) and (second := _single(text, first.end + 1)):
        return Unit((*first.words, "प्रति", *_one_of(second.words)), second.end, first.everyday)
    return first


def _one_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """किमी/घं. is per one hour."""
    return ("घंटा",) if words == ("घंटे",) else words


def per(text: str, place: int) -> Unit | None:
    """The unit at ``place``, or any Hindi word there: what stands behind the stroke of ₹50/किलो."""
    known = _single(text, place)
    if known:
        return known
    word = _WORD.match(text, place)
    words = abbreviations.spoken(word[0]) if word else ()
    return Unit(words, word.end(), False) if word and words else None


def _single(text: str, place: int) -> Unit | None:
    for form in _FORMS:
        match = form.match(text, place)
        row = _row(match[2]) if match else None
        if match and row and (not row.dotted or "." in match[2] or match[3] or "/" in _around(text, match)):
            power = _PREFIXES.get((match[1] or "").rstrip(".")) or _POWERS.get(match[3] or "")
            return Unit((power, *row.words) if power else row.words, match.end(), row.everyday)
    return None


def _around(text: str, match: re.Match[str]) -> str:
    """The characters before and behind a unit: a stroke makes a bare मी or से one."""
    return text[max(0, match.start() - 1) : match.start()] + text[match.end() : match.end() + 1]


def _row(name: str) -> _Row | None:
    """The row of a unit as written; capital letters matter where the table has both (MW, m)."""
    key = re.sub(r"[.\s]", "", name)
    return UNITS.get(key) or (UNITS.get(key.lower()) if len(key) > 1 else None)


def _power(match: re.Match[str], state: Context) -> Said | None:
    """A squared or cubed unit without a number: m²."""
    found = _single(state.text, match.start())
    return (found.words, found.end) if found and found.end == match.end() else None


def _feet(match: re.Match[str], state: Context) -> Said | None:
    """6'2" as feet and inches, 32" as inches (not where a quotation closes)."""
    if match["only"]:
        quoted = '"' in state.text[max(0, match.start() - 200) : match.start()]
        return None if quoted else ((*numbers.integer(match["only"]), "इंच"), match.end())
    if not match["inches"] and "'" in state.text[max(0, match.start() - 200) : match.start()]:
        return None
    inches = (*numbers.integer(match["inches"]), "इंच") if match["inches"] else ()
    return (*numbers.integer(match["feet"]), "फ़ीट", *inches), match.end()


def _angle(match: re.Match[str], state: Context) -> Said:
    """28°36'50" as degrees, minutes and seconds."""
    words = (*numbers.integer(match[1]), "डिग्री", *numbers.integer(match[2]), "मिनट")
    return (*words, *((*numbers.decimal(match[3]), "सेकंड") if match[3] else ())), match.end()


def _feet_by_feet(match: re.Match[str], state: Context) -> Said:
    """20'x30'"""
    return (*numbers.integer(match[1]), "बाई", *numbers.integer(match[2]), "फ़ीट"), match.end()


def _stroke(match: re.Match[str], state: Context) -> Said | None:
    """The stroke before a unit that is counted per: रुपये/किलो."""
    found = _single(state.text, match.end())
    return (("प्रति",), match.end()) if found else None


TOKENS = (
    Token("d", r"(\d{1,3})°\s?(\d{1,2})['’′](?:\s?(\d{1,2}(?:\.\d{1,4})?)[\"”″])?", _angle),
    Token("d", r"(\d{1,3})['’′]\s?[xX×]\s?(\d{1,3})['’′](?!\d)", _feet_by_feet),
    Token(
        "d",
        (
            r"(?:(?P<feet>\d{1,3})['’′](?:\s?(?P<inches>\d{1,2})(?:\"|”|''|″|′′))?(?![\d\w])"
            r"|(?P<only>\d{1,3})(?:\"|”|″|′′)(?=[\s,.।-]|$))"
        ),
        _feet,
    ),
    Token("lh", (rf"(?:[a-z]{{1,2}}|{DEVANAGARI}{{1,6}})[²³]"), _power),
    Token("s", (rf"(?<={DEVANAGARI})/(?={DEVANAGARI})"), _stroke),
)
