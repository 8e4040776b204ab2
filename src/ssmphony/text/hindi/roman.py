"""Roman numerals, where what stands around makes them numerals: अध्याय IV, लुई XIV, रॉकी III, XIIवीं, (ii), I, II."""

from __future__ import annotations

import re

from ssmphony.text.hindi import numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.ordinals import SUFFIX

_KINDS = {row[0]: row[1] for row in tables.rows("roman_words")}
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_FORM = Lazy(r"C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_RULERS = ("", "प्रथम", "द्वितीय", "तृतीय", "चतुर्थ", "पंचम", "षष्ठ", "सप्तम", "अष्टम", "नवम", "दशम")
_POSTPOSITIONS = frozenset("ने को का की के से में पर तक".split())
_CENTURIES = frozenset("सदी शताब्दी शती".split())


def names_part(word: str) -> bool:
    """Whether the numeral after a word counts parts of something: अध्याय, भाग."""
    return _KINDS.get(word) == "part"


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
    after = state.after(match.end())
    if kind == "ruler" and match[1] != "I":
        if number < len(_RULERS):
            return (_RULERS[number],), match.end()
        return numbers.ordinal(number, "वें" if after in _POSTPOSITIONS else "वाँ"), match.end()
    listed = _in_row(match, state)
    if (
        kind != "part"
        and not (match[1] == "II" and state.before(match.start()))
        and not _plain(match[1])
        and not listed
    ):
        return None
    return (numbers.ordinal(number, "वीं") if after in _CENTURIES else numbers.cardinal(number)), match.end()


_AFTER = Lazy(r"\s?(?:,|/|&|[-–—]|और|या|व|तथा|एवं|से)\s?([IVX]{1,7})(?![A-Za-z\d])")
_BEFORE = Lazy(r"(?<![A-Za-z\d])([IVX]{1,7})\s?(?:,|/|&|[-–—]|और|या|व|तथा|एवं|से)\s?\Z")


def _in_row(match: re.Match[str], state: Context) -> bool:
    """Whether the numeral before or after it in a row is the next one (I, II, III), or it ends a range (I-V)."""
    after = _AFTER.match(state.text, match.end(1))
    before = _BEFORE.search(state.text[max(0, match.start() - 12) : match.start()])
    if (before and 0 < value(before[1]) < value(match[1]) and before[0].strip()[-1] in "-–—") or (
        after and value(after[1]) > value(match[1]) and after[0].strip()[0] in "-–—"
    ):
        return True
    others = [found[1] for found in (before, after) if found]
    number = value(match[1])
    return any(abs(value(other) - number) == 1 or (value(other) and len(other + match[1]) > 2) for other in others)


def _range(match: re.Match[str], state: Context) -> Said | None:
    """The dash between two rising numerals (कक्षा I-V)."""
    before = _BEFORE.search(state.text[max(0, match.start() - 12) : match.end()])
    after = _AFTER.match(state.text, match.start())
    if not before or not after or not 0 < value(before[1]) < value(after[1]):
        return None
    return ("से",), match.end()


def _small(match: re.Match[str], state: Context) -> Said | None:
    """(ii), iv): the number of an item; one letter alone only in brackets where a list of them is usual."""
    numeral = match[1].upper()
    closed = state.character(match.start() - 1) == "(" and state.character(match.end()) == ")"
    begins = not state.text[: match.start()].strip(" (") if match.start() < 8 else False
    if state.character(match.end()) not in (")", "."):  # भाग ii
        named = names_part(state.before(match.start()).lower())
        return (numbers.cardinal(value(numeral)), match.end()) if value(numeral) and named else None
    if not value(numeral) or not (closed or begins) or (numeral in ("C", "D", "L", "M", "X") and not begins):
        return None
    return numbers.cardinal(value(numeral)), match.end(1)


def _plain(numeral: str) -> bool:
    """Three letters or more that no abbreviation has: VII, XIV; not XXX, XXL."""
    return len(numeral) > 2 and set(numeral) <= set("IVX") and "I" in numeral


TOKENS = (
    Token("l", (rf"(?<![A-Za-z\d])([IVXLC]{{1,9}})(?:({SUFFIX})(?!{DEVANAGARI})|(?![A-Za-z\d]))"), _numeral),
    Token("l", r"(?<![A-Za-z\d])([ivx]{1,6})(?![A-Za-z\d'’])", _small),
    Token("s", r"[-–—](?=\s?[IVX])", _range),
)
