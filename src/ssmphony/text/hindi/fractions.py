"""Fractions: 1/2, 3/4 km, ½, and whole numbers with one behind them (2 1/2, 1¾ kg)."""

from __future__ import annotations

import re

from ssmphony.text.hindi import measures, numbers
from ssmphony.text.hindi.context import Context, Said, Token

_NAMES = {
    ("1", "2"): ("आधा",),
    ("1", "3"): ("एक", "तिहाई"),
    ("2", "3"): ("दो", "तिहाई"),
    ("1", "4"): ("एक", "चौथाई"),
    ("3", "4"): ("तीन", "चौथाई"),
}
_QUARTERS = {("1", "2"): "5", ("1", "4"): "25", ("3", "4"): "75"}
_HOUSE_WORDS = frozenset("मकान नंबर नम्बर नं म.नं प्लॉट प्लाट खसरा फ्लैट गली क्वार्टर पृष्ठ धारा".split())


def _fraction(match: re.Match[str], state: Context) -> Said:
    """By its name, or बटा; in addresses always बटा."""
    above, below = match[1], match[2]
    named = _NAMES.get((above, below))
    if named and state.before(match.start()) not in _HOUSE_WORDS:
        return _with_unit(named, match, state)
    return (*numbers.decimal(above), "बटा", *numbers.integer(below)), match.end()


def _mixed(match: re.Match[str], state: Context) -> Said | None:
    whole, above, below = match[1], match[2], match[3]
    if int(above) >= int(below):
        return None
    quarter = _QUARTERS.get((above, below))
    words = numbers.quarters(f"{whole}.{quarter}") if quarter else None
    if words:
        return _with_unit(words, match, state)
    return (*numbers.integer(whole), "सही", *numbers.integer(above), "बटा", *numbers.integer(below)), match.end()


def _with_unit(words: tuple[str, ...], match: re.Match[str], state: Context) -> Said:
    unit = measures.unit(state.text, match.end())
    return ((*words, *unit.words), unit.end) if unit else (words, match.end())


TOKENS = (
    Token("d", (r"(\d{1,4})\s([1-9])[/⁄]([1-9]\d?)(?![\d/⁄])"), _mixed),
    Token("d", (r"(\d{1,5}(?:\.\d{1,2})?)\s?[/⁄]\s?(\d{1,5})(?![\d/⁄]|[,.]\d)"), _fraction),
)
