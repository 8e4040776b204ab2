"""Roman numerals, where what stands around makes them numerals: अध्याय IV, लुई XIV, रॉकी III, XIIवीं, (ii), I, II."""

from __future__ import annotations

import re

from ssmphony.text.hindi import numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, POSTPOSITIONS, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.ordinals import SUFFIX

_KINDS = {row[0]: row[1] for row in tables.rows("roman_words")}
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_FORM = Lazy(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_LARGE = frozenset("DM")
_RULERS = ("", "प्रथम", "द्वितीय", "तृतीय", "चतुर्थ", "पंचम", "षष्ठ", "सप्तम", "अष्टम", "नवम", "दशम")
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
    thousands = number > 1000 and len(match[1]) > 3  # MCMXCIX, MMXXIV
    if not number or match[1] in ("C", "L") or (not thousands and not _LARGE.isdisjoint(match[1])):
        return None
    if match[2]:
        return numbers.ordinal(number, match[2]), match.end()
    before, after = state.before(match.start()), state.after(match.end())
    if match[1] == "I" and before.isascii() and before.islower() and after.isascii() and after.islower():
        return None  # the part I like
    kind = _KINDS.get(before.lower())
    if len(match[1]) > 1 and after in _CENTURIES:
        return numbers.ordinal(number, "वीं"), match.end()
    if thousands:
        return (numbers.year(number) if number < 2100 else numbers.cardinal(number)), match.end()
    if kind == "ruler" and match[1] != "I":
        if number < len(_RULERS):
            return (_RULERS[number],), match.end()
        return numbers.ordinal(number, "वें" if after in POSTPOSITIONS else "वाँ"), match.end()
    listed = _in_row(match, state)
    if (
        kind != "part"
        and not (match[1] == "II" and state.before(match.start()))
        and not _plain(match[1])
        and not listed
        and not _heads_line(match, state)
    ):
        return None
    return numbers.cardinal(number), match.end()


_JOINED = r"\s?(?P<joint>,|/|&|[-–—]|और|या|व|तथा|एवं|से)\s?"
_AFTER = Lazy(rf"{_JOINED}(?P<other>(?i:[IVX]{{1,7}}))(?![A-Za-z\d])")
_BEFORE = Lazy(rf"(?<![A-Za-z\d])(?P<other>(?i:[IVX]{{1,7}})){_JOINED}\Z")


def _in_row(match: re.Match[str], state: Context) -> bool:
    """Whether the numeral before or after it in a row is the next one (I, II, III), or it ends a range (I-V)."""
    written = match[1]
    number = value(written.upper())
    after = _AFTER.match(state.text, match.end(1))
    before = _BEFORE.search(state.text[max(0, match.start() - 12) : match.start()])
    for found, rises in ((before, 1), (after, -1)):
        if not found or found["other"].isupper() != written.isupper():
            continue
        other = value(found["other"].upper())
        ranged = found["joint"] in "-–—" and (number - other) * rises > 0
        if other and (ranged or abs(other - number) == 1 or len(found["other"] + written) > 2):
            return True
    return False


def _heads_line(match: re.Match[str], state: Context) -> bool:
    """Whether it numbers a heading: II. विधि, I. परिचय; V. and X. are initials as often."""
    begins = not state.text[: match.start()].strip() if match.start() < 4 else False
    return begins and bool(_HEADING.match(state.text, match.end(1))) and (len(match[1]) > 1 or match[1] == "I")


_HEADING = Lazy(rf"[.)]\s(?={DEVANAGARI}{{3}}|[A-Z][a-z]{{2}})")


def _range(match: re.Match[str], state: Context) -> Said | None:
    """The dash between two rising numerals (कक्षा I-V)."""
    before = _BEFORE.search(state.text[max(0, match.start() - 12) : match.end()])
    after = _AFTER.match(state.text, match.start())
    if not before or not after or not 0 < value(before["other"]) < value(after["other"]):
        return None
    return ("से",), match.end()


def _small(match: re.Match[str], state: Context) -> Said | None:
    """(ii), iv): the number of an item; one letter alone only in brackets where a list of them is usual."""
    numeral = match[1].upper()
    closed = state.character(match.start() - 1) == "(" and state.character(match.end()) == ")"
    begins = not state.text[: match.start()].strip(" (") if match.start() < 8 else False
    if state.character(match.end()) not in (")", "."):  # भाग ii
        named = names_part(state.before(match.start()).lower()) or (len(numeral) < 5 and _in_row(match, state))
        return (numbers.cardinal(value(numeral)), match.end()) if value(numeral) and named else None
    if not value(numeral) or not (closed or begins) or (numeral in ("C", "D", "L", "M", "X") and not begins):
        return None
    return numbers.cardinal(value(numeral)), match.end(1)


def _plain(numeral: str) -> bool:
    """Three letters or more that no abbreviation has: VII, XIV, LVIII; not XXX, XXL, LIC."""
    return len(numeral) > 2 and "I" in numeral and (set(numeral) <= set("IVX") or len(numeral) > 3)


TOKENS = (
    Token(
        "l",
        rf"(?<![A-Za-z\d])([IVXLCDM]{{1,15}})"
        rf"(?:(?:-?|\s(?=व(?:ीं|ें|ाँ|ां)))({SUFFIX})(?!{DEVANAGARI})|(?![A-Za-z\d]))",
        _numeral,
    ),
    Token("l", r"(?<![A-Za-z\d])([ivx]{1,6})(?![A-Za-z\d'’])", _small),
    Token("s", r"[-–—](?=\s?[IVX])", _range),
)
