"""Roman numerals, where the words around make them numerals: अध्याय IV, लुई XIV, रॉकी III, XIIवीं."""

from __future__ import annotations

import re

from ssmphony.text.hindi import numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.ordinals import SUFFIX

_KINDS = {row[0]: row[1] for row in tables.rows("roman_words")}
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_FORM = re.compile(r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_RULERS = ("", "प्रथम", "द्वितीय", "तृतीय", "चतुर्थ", "पंचम", "षष्ठ", "सप्तम", "अष्टम", "नवम", "दशम")
_POSTPOSITIONS = frozenset("ने को का की के से में पर तक".split())
_CENTURIES = frozenset("सदी शताब्दी शती".split())


def value(numeral: str) -> int:
    """The number a numeral writes, or 0 where it is none.

    >>> value("XIV"), value("VX")
    (14, 0)
    """
    if not _FORM.fullmatch(numeral):
        return 0
    total = 0
    for letter, following in zip(numeral, numeral[1:] + " ", strict=True):
        worth = _VALUES[letter]
        total += -worth if worth < _VALUES.get(following, 0) else worth
    return total


def _numeral(match: re.Match[str], state: Context) -> Said | None:
    number = value(match[1])
    if not number or match[1] in ("C", "L"):
        return None
    if match[2]:
        return numbers.ordinal(number, match[2]), match.end()
    kind = _KINDS.get(state.before(match.start()).lower())
    behind = state.behind(match.end())
    if kind == "ruler" and match[1] != "I":
        if number < len(_RULERS):
            return (_RULERS[number],), match.end()
        return numbers.ordinal(number, "वें" if behind in _POSTPOSITIONS else "वाँ"), match.end()
    if kind != "part" and not (match[1] == "II" and state.before(match.start())) and not _plain(match[1]):
        return None
    return (numbers.ordinal(number, "वीं") if behind in _CENTURIES else numbers.cardinal(number)), match.end()


def _plain(numeral: str) -> bool:
    """Three letters or more that no abbreviation has: VII, XIV; not XXX, XXL."""
    return len(numeral) > 2 and set(numeral) <= set("IVX") and "I" in numeral


TOKENS = (Token("l", (rf"(?<![A-Za-z\d])([IVXLC]{{1,9}})(?:({SUFFIX})(?!{DEVANAGARI})|(?![A-Za-z\d]))"), _numeral),)
