"""Fractions: 1/2, -2/3, 3/4 km, ½, 100000/17, and whole numbers with one after them (2 1/2, −1½ kg)."""

from __future__ import annotations

import re

from ssmphony.text.hindi import measures, numbers
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.quantities import SIGN, SIGNS

_NAMES = {
    ("1", "2"): ("आधा",),
    ("1", "3"): ("एक", "तिहाई"),
    ("2", "3"): ("दो", "तिहाई"),
    ("1", "4"): ("एक", "चौथाई"),
    ("3", "4"): ("तीन", "चौथाई"),
}
_QUARTERS = {("1", "2"): "5", ("1", "4"): "25", ("3", "4"): "75"}
_BEFORE_SIGN = SIGN.replace(r"(?=\d)", r"(?=\d| \d{1,2}⁄)") + r"(?:(?<=[-−+]) )?"
_LARGE = r"(?:\d{1,3}(?:,\d{2,3}){1,6}|\d{1,18})"
_INCHES = Lazy(r"(?<=\d)(?:\"|”|″)(?=\s)")
_LETTER = 2
"""A blank and a letter."""
_HOUSE_WORDS = frozenset("मकान नंबर नम्बर नं म.नं प्लॉट प्लाट खसरा फ्लैट गली क्वार्टर पृष्ठ धारा".split())


def _fraction(match: re.Match[str], state: Context) -> Said | None:
    """By its name, or बटा; in addresses always बटा."""
    above, below = match["above"], match["below"]
    if _bullet(match, state):
        return None
    named = _NAMES.get((above, below))
    if named and state.before(match.start()) not in _HOUSE_WORDS:
        return _with_unit(named, match, state)
    words = (*_sign(match), *numbers.decimal(above), "बटा", *numbers.integer(below.replace(",", "")))
    unit = measures.unit(state.text, match.end())
    if unit and unit.end - match.end() > _LETTER:
        return (*words, *unit.words), unit.end  # 33/11 kV; 4/5 A is a house
    return words, match.end()


def _bullet(match: re.Match[str], state: Context) -> bool:
    """Whether a dash before ½ is apart from it in the source, and so begins an item of a list."""
    starts, place = state.cleaned.starts, match.start()
    return bool(match["sign"]) and state.character(place + 1) == " " and starts[place + 1] != starts[place + 2]


def _sign(match: re.Match[str]) -> tuple[str, ...]:
    return (SIGNS[match["sign"]],) if match["sign"] else ()


def _mixed(match: re.Match[str], state: Context) -> Said | None:
    whole, above, below = match["whole"], match["above"], match["below"]
    if int(above) >= int(below):
        return None
    quarter = _QUARTERS.get((above, below))
    words = numbers.quarters(f"{whole}.{quarter}") if quarter else None
    if words:
        return _with_unit(words, match, state)
    return (
        *_sign(match),
        *numbers.integer(whole),
        "सही",
        *numbers.integer(above),
        "बटा",
        *numbers.integer(below),
    ), match.end()


def _with_unit(words: tuple[str, ...], match: re.Match[str], state: Context) -> Said:
    words = (*_sign(match), *words)
    if inches := _INCHES.match(state.text, match.end()):
        return (*words, "इंच"), inches.end()
    unit = measures.unit(state.text, match.end())
    return ((*words, *unit.words), unit.end) if unit else (words, match.end())


TOKENS = (
    Token(
        "ds",
        rf"{SIGN}(?P<whole>\d{{1,4}})[\s-](?P<above>[1-9]\d?)[/⁄](?P<below>[1-9]\d?)(?![\d/⁄])",
        _mixed,
    ),
    Token(
        "ds",
        rf"{_BEFORE_SIGN}(?P<above>{_LARGE}(?:\.\d{{1,2}})?)\s?[/⁄]\s?(?P<below>{_LARGE})(?![\d/⁄]|[,.]\d)",
        _fraction,
    ),
)
