"""Weekdays and months by short names (Mon, Dec, 12 जन.), and the dash between two days, dates or hours, which is से."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from ssmphony.text.hindi import numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.dates import MONTH, NUMERIC, SHORT_MONTHS
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.times import PARTS_OF_DAY

_DAYS = tables.rows("weekdays")
_MONTHS = tables.rows("months")
_SHORT_DAYS = {name: row[0] for row in _DAYS for name in row[2].split() if not name.endswith("day")}
_SHORT_MONTHS = {name: row[0] for row in _MONTHS for name in row[2].split()[1:]}
SHORT_NAMES = _SHORT_DAYS | _SHORT_MONTHS
_NAMES = {name: row[0] for row in (*_DAYS, *_MONTHS) for name in row[2].split()}
NAMES = frozenset(name.lower() for name in _NAMES)
"""Names of days and months in English, in small letters."""
_ALONE = frozenset(SHORT_NAMES) - {"Mar", "Sat", "Sun"}
"""Short names that are no words: read in Hindi also where no other name stands next to them."""
_PLACES = {name: place for rows in (_DAYS, _MONTHS) for place, row in enumerate(rows) for name in " ".join(row).split()}
"""Where a day stands in its week and a month in its year."""


def _any(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_SHORT_HINDI_DAYS = frozenset("गुरु शुक्र शनि रवि".split())
"""After सोम: between themselves they are planets."""
_HINDI_DAY = rf"(?:{_any(name for row in _DAYS for name in (row[0], *row[1].split()))})(?!{DEVANAGARI})"
_ENGLISH_DAY = rf"(?i:{_any(name for row in _DAYS for name in row[2].split())})(?![A-Za-z])\.?"
_DAY = rf"(?:{_HINDI_DAY}|{_ENGLISH_DAY})"
_PART = rf"(?:{_any(PARTS_OF_DAY)})\s"
_HALF = r"\s?(?:बजे|[AaPp]\.?[Mm]\.?)"
_DATE = rf"(?:\d{{1,2}}(?:st|nd|rd|th)?[\s-]?{MONTH}|{MONTH}\s\d{{1,2}}(?![\d:])|{NUMERIC}|{MONTH})"
_SIDES = (
    (_DAY, _DAY),
    (rf"सोम(?!{DEVANAGARI})", rf"(?:{_any(_SHORT_HINDI_DAYS)})(?!{DEVANAGARI})"),
    (rf"(?<!\d)(?:{_DATE}(?:,?\s?\d{{4}})?)", rf"(?:{_DAY},?\s)?{_DATE}"),
    (rf"{MONTH}\s\d{{1,2}}", r"\d{1,2}(?![\d:.%])"),
    (
        rf"(?:{_PART}\d{{1,2}}(?:[:.]\d\d)?(?:{_HALF})?|\d{{1,2}}[:.]\d\d(?:{_HALF})?|\d{{1,2}}{_HALF})",
        rf"(?:{_PART}\d{{1,2}}|\d{{1,2}}(?:[:.]\d\d)?{_HALF})",
    ),
)
"""What stands before a dash and what after it, where it is से."""
_REACH = 40
_NEXT = re.compile(rf"\s?(?:\d|({DEVANAGARI}+|[A-Za-z]+))")
_FIRST_WORDS = frozenset(name.lower() for name in _PLACES) | PARTS_OF_DAY | _SHORT_HINDI_DAYS
"""What a side begins with, if not with a digit: looked up before the patterns, which are long."""


@cache
def _sides() -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
    return [(re.compile(rf"(?<![A-Za-z]){left}\s?\Z"), re.compile(rf"\s?({right})")) for left, right in _SIDES]


def _joint(match: re.Match[str], state: Context) -> Said | None:
    """The dash of सोमवार-शुक्रवार and 15 अगस्त-20 सितंबर; a hyphen between neighbours (जून-जुलाई) stays silent."""
    after = _NEXT.match(state.text, match.end())
    if after is None or (after[1] and after[1].lower() not in _FIRST_WORDS):
        return None
    before = state.text[max(0, match.start() - _REACH) : match.start()]
    for left, right in _sides():
        second = right.match(state.text, match.end())
        first = left.search(before) if second else None
        if first and second:
            near = _PLACES.get(second[1].rstrip("."), 99) - _PLACES.get(first[0].strip(" ."), -99) in (1, -6, -11)
            return None if near and match[0] == "-" else (("से",), match.end())
    return None


@cache
def _neighbours(short: bool) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A name of a day next to another, a date or an hour; next to a name written out only in a range."""
    between = r"\.?\s?(?:[-–—/,&]|to\s|से\s|और\s)?\s?" if short else r"\s?[-–—]\s?"
    after = rf"{between}(?:{_DAY}|{_DATE}|\d{{1,2}}(?::\d\d|\s?[AaPp][Mm]))"
    return re.compile(rf"(?:{_DAY}|{MONTH}){between}\Z"), re.compile(after)


def _short(match: re.Match[str], state: Context) -> Said | None:
    name = match[1].title()
    if match[1] not in (name, name.upper()):
        return None
    if name in _ALONE and match[1] == name:
        return (_NAMES[name],), match.end()
    before, after = _neighbours(name in SHORT_NAMES)
    written = state.text[max(0, match.start() - _REACH) : match.start()]
    if not (after.match(state.text, match.end(1)) or before.search(written)):
        return None
    return (_NAMES[name],), match.end()


def _short_month(match: re.Match[str], state: Context) -> Said:
    """दिस. 2023; after the number of a day, `dates` reads it."""
    return (SHORT_MONTHS[match[1]],), match.end()


def _to(match: re.Match[str], state: Context) -> Said | None:
    """Mon to Sat"""
    before = _ENGLISH_NAME.search(state.text[max(0, match.start() - 12) : match.start()])
    return (("से",), match.end()) if before and _ENGLISH_NAME_NEXT.match(state.text, match.end()) else None


def _short_days(match: re.Match[str], state: Context) -> Said | None:
    """The long dash, or that after a dot, between short names: मंगल–शनि, रवि.-शुक्र."""
    before = re.search(
        rf"(?<!{DEVANAGARI})(?:{_ANY_SHORT_DAY})\.?\s?\Z", state.text[max(0, match.start() - 8) : match.start()]
    )
    return (("से",), match.end()) if before else None


def _hours(match: re.Match[str], state: Context) -> Said | None:
    """सोम-शनि: 10-6, समय 10-6: from one hour to another."""
    first, last = int(match[1]), int(match[2])
    before = re.split("[-–—]", state.before(match.start()))[-1]
    named = before in _TIMETABLE or (
        before.capitalize() in _PLACES and state.text[match.start() - 2 : match.start()] == ": "
    )
    named = named or bool(_DAYS_BEFORE.search(state.text[max(0, match.start() - 24) : match.start()]))
    if not named or first == last or not (1 <= first <= 12 and 1 <= last <= 12):
        return None
    return (*numbers.cardinal(first), "से", *numbers.cardinal(last)), match.end()


_ANY_SHORT_DAY = _any((*_SHORT_HINDI_DAYS, "सोम", "मंगल", "बुध"))
_TIMETABLE = frozenset("समय टाइम टाइमिंग timing timings time सोम मंगल बुध".split()) | _SHORT_HINDI_DAYS
_DAYS_BEFORE = Lazy(rf"{_DAY}\s?[-–—]\s?{_DAY}:?\s\Z")
"""The days for which hours are given: Mon–Thu 9–5."""
_ENGLISH_NAME = Lazy(rf"(?<![A-Za-z])(?:{_any(_NAMES)})\.?\s\Z")
_ENGLISH_NAME_NEXT = Lazy(rf"\s(?:{_any(_NAMES)})(?![A-Za-z])")
TOKENS = (
    Token("l", rf"(?<![A-Za-z])((?i:{_any(_NAMES)}))(?![A-Za-z'])\.?", _short),
    Token("l", r"(?<=\s)to(?=\s[A-Z])", _to),
    Token("h", rf"({_any(SHORT_MONTHS)})\.(?=\s?\d|\s?[-–—]\s?{MONTH})", _short_month),
    Token("d", r"(\d{1,2})\s?[-–]\s?(\d{1,2})(?![\d:%/.-]|\s?(?:से|की)\s)", _hours),
    Token("s", rf"(?:(?<=\.)[-–—]|[–—])(?=\s?(?:{_ANY_SHORT_DAY})(?!{DEVANAGARI}))", _short_days),
    Token("s", r"[-–—−]", _joint),
)
