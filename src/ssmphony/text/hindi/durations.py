"""Lengths of time in parts: 2h 30m, 1h 5m 10s, 1h30m, 4 hrs 20 min, 2:30 घंटे."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ssmphony.text.hindi import numbers
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token

_PARTS = (
    ("दिन", "दिन", "days|day|d"),
    ("घंटा", "घंटे", "hours|hour|hrs|hr|h"),
    ("मिनट", "मिनट", "minutes|minute|mins|min|m"),
    ("सेकंड", "सेकंड", "seconds|second|secs|sec|s"),
)
"""One, many, and how they are written, the longest part first."""
_COUNTED = ("घंटे", "घंटा", "घंटों", "मिनट")


def _parts(match: re.Match[str], state: Context) -> Said | None:
    """Two parts or more, in falling order; an m alone is a metre, between hours and seconds it is minutes."""
    written = [(match[2 * place + 1], one, many) for place, (one, many, _) in enumerate(_PARTS) if match[2 * place + 1]]
    return (tuple(_counted(written)), match.end()) if len(written) > 1 else None


def _hours_and_minutes(match: re.Match[str], state: Context) -> Said:
    """2h30"""
    return tuple(_counted(((match[1], *_PARTS[1][:2]), (match[2], *_PARTS[2][:2])))), match.end()


def _months(match: re.Match[str], state: Context) -> Said:
    """1y 6m, 2yr 3mo"""
    return tuple(_counted(((match[1], "साल", "साल"), (match[2], "महीना", "महीने")))), match.end()


def _counted(parts: Iterable[tuple[str, str, str]]) -> list[str]:
    """The words of parts: how many as written, the name of one and of many."""
    words: list[str] = []
    for count, one, many in parts:
        words += (*numbers.cardinal(int(count)), one if int(count) == 1 else many)
    return words


def of_clock(text: str) -> tuple[str, ...]:
    """A length of time as hours, minutes and seconds, parts of zero left out: 01:33:21, 5:30 (of minutes)."""
    counts = text.split(":")
    parts = zip(counts, _PARTS[-len(counts) :], strict=True)
    return tuple(_counted((count, one, many) for count, (one, many, _) in parts if int(count)))


def _iso(match: re.Match[str], state: Context) -> Said | None:
    """PT2H30M, P1DT12H, as computers write them."""
    written = [(count, one, many) for count, (one, many, _) in zip(match.groups(), _PARTS, strict=True) if count]
    return (tuple(_counted(written)), match.end()) if written else None


def _with_colon(match: re.Match[str], state: Context) -> Said:
    """2:30 घंटे ढाई घंटे, 2:05 मिनट दो मिनट पाँच सेकंड."""
    whole, part, unit = match[1], int(match[2]), match[3]
    quarter = {15: "25", 30: "5", 45: "75"}.get(part)
    words = numbers.quarters(f"{whole}.{quarter}") if quarter and unit != "मिनट" else None
    if words and state.style.fractions == "everyday":
        return (*words, unit), match.end()
    smaller = "सेकंड" if unit == "मिनट" else "मिनट"
    return (*numbers.cardinal(int(whole)), unit, *((*numbers.cardinal(part), smaller) if part else ())), match.end()


def _clockwise(match: re.Match[str], state: Context) -> Said:
    """1:23:45 घंटे"""
    return of_clock(match[1]), match.end()


_ROW = "".join(rf"(?:(\d{{1,4}})\s?((?i:{names}))(?![A-Za-z])[\s,]?\s?)?" for *_, names in _PARTS)
_GLUED = "".join(rf"(?:(\d{{1,4}})((?i:{names})))?" for *_, names in _PARTS)
TOKENS = (
    Token(
        "l",
        r"(?<![A-Za-z\d])P(?=T?\d)(?:(\d{1,4})D)?T?(?:(\d{1,4})H)?(?:(\d{1,4})M)?(?:(\d{1,4})S)?(?![A-Za-z\d])",
        _iso,
    ),
    Token("d", rf"(\d{{1,3}}:[0-5]\d:[0-5]\d)\s?(?:घंटे|घंटा|घंटों)(?!{DEVANAGARI})", _clockwise),
    Token("d", rf"(\d{{1,3}}):([0-5]\d)\s?({'|'.join(_COUNTED)})(?!{DEVANAGARI})", _with_colon),
    Token("d", r"(\d{1,2})[hH]([0-5]\d)(?![A-Za-z\d]|[.:,]\d)", _hours_and_minutes),
    Token("d", r"(\d{1,3})\s?(?:y|yrs?)\s?(\d{1,2})\s?(?:m|mos?|mths?)(?![A-Za-z\d])", _months),
    Token("d", rf"{_GLUED}(?![A-Za-z\d])", _parts),
    Token("d", rf"(?:{_ROW})(?<![\s,])", _parts),
)
