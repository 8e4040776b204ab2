"""ASCII letters outside the lexicon → Devanagari by ordered context rules.

English and Indian spelling share letters and little else (t is ट in one, त in the other; final a, th, double
consonants, silent e), so each has its own table of rules. Which one a word follows is decided by its pairs of letters,
weighed as in a naive Bayes classifier that has read both lexicons (``spelling_cues``).
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, NamedTuple

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.graphemes import ANUSVARA, CONSONANTS, NUKTA, VIRAMA

Style = Literal["english", "indian"]
VOWEL_SIGNS = dict(zip("आइईउऊऋएऐओऔऍऑ", "ािीुूृेैोौॅॉ", strict=True))
_EDGE = "#"
_JOINT = "-"
"""A unit between the parts of a compound: the consonant before it keeps its inherent schwa in writing."""
_LEFT, _RIGHT = 5, 8
"""How many letters a context may look at, the edge of the word included."""


class Rule(NamedTuple):
    """``letters`` between ``before`` and ``after`` (regular expressions, empty: anything) are the ``units``."""

    letters: str
    before: str
    after: str
    units: tuple[str, ...]


_SILENT = Rule("-", "", "", ())
_MOST_LETTERS = 8


@cache
def rules(style: Style) -> dict[str, list[Rule]]:
    """The rules of a style by their letters, in the order of the table."""
    by_letters: dict[str, list[Rule]] = {}
    for row in tables.rows(f"{style}_rules"):
        letters, before, after, units = (*row, "", "", "")[:4]
        by_letters.setdefault(letters, []).append(Rule(letters, before, after, tuple(units.split())))
    return by_letters


@cache
def _context(pattern: str, side: Literal["left", "right"]) -> re.Pattern[str]:
    pattern = pattern.replace("V", "[aeiouy]").replace("C", "[b-df-hj-np-tv-xz]")
    return re.compile(f"(?:{pattern})$" if side == "left" else pattern)


def transliterate(word: str, style: Style | None = None) -> str:
    """Lower-case ASCII letters in Devanagari; ``style`` is found from the spelling unless it is given."""
    table = rules(style or style_of(word))
    written = _EDGE + word + _EDGE
    units: list[str] = []
    place = 1
    while place < len(written) - 1:
        rule = _rule_at(table, written, place)
        units.extend(rule.units)
        place += len(rule.letters)
    return compose(units)


def _rule_at(table: dict[str, list[Rule]], written: str, place: int) -> Rule:
    """The first rule that fits, those of more letters before those of fewer; one without units where none does."""
    for size in range(_MOST_LETTERS, 0, -1):
        for rule in table.get(written[place : place + size], ()):
            if _fits(rule, written, place):
                return rule
    return _SILENT


def _fits(rule: Rule, written: str, place: int) -> bool:
    if rule.before and not _context(rule.before, "left").search(written[max(0, place - _LEFT) : place]):
        return False
    stop = place + len(rule.letters)
    return not rule.after or bool(_context(rule.after, "right").match(written[stop : stop + _RIGHT]))


def compose(units: list[str]) -> str:
    """Consonant letters, independent vowels and bindus → spelling with signs and viramas; अ is an inherent schwa."""
    written = ""
    vowel = ""
    after_consonant = False
    for unit, following in zip(units, [*units, ""][1:], strict=True):
        if unit == _JOINT:
            after_consonant = False
        elif unit == ANUSVARA:
            written += _nasal(vowel, following)
            after_consonant = False
        elif unit in CONSONANTS:
            written += VIRAMA + unit if after_consonant else unit
            after_consonant = True
        else:
            vowel, nasal = unit[:1], unit[1:]
            if not (after_consonant and vowel == "अ"):
                written += VOWEL_SIGNS.get(vowel, vowel) if after_consonant else vowel
            written += nasal
            after_consonant = False
    return written


def _nasal(vowel: str, following: str) -> str:
    """An anusvara, or the nasal letter where an anusvara would be read as a nasal vowel (सॉन्ग, एम्पायर)."""
    if vowel in ("ई", "ऊ", "ओ", "औ", "ऑ") or (vowel == "ए" and following in ("प", "फ़", "थ", "क")):
        return ("म" if following in ("प", "फ़", "ब", "भ") else "न") + VIRAMA
    return ANUSVARA


def join(spoken: str, ending: str) -> str:
    """A Devanagari word and an ending that begins with a vowel sign, a virama or a consonant."""
    if spoken[-1:] in CONSONANTS or spoken[-1:] == NUKTA:
        return spoken + ending
    for vowel, sign in VOWEL_SIGNS.items():
        if ending.startswith(sign):
            return spoken + vowel + ending[1:]
    return spoken + ending.removeprefix(VIRAMA)


@cache
def cues() -> dict[str, float]:
    """The weight of two or three letters: above zero where they speak for an Indian word."""
    return {pair: float(weight) for pair, weight in tables.pairs("spelling_cues").items()}


def style_of(word: str) -> Style:
    """Whether lower-case ASCII letters are spelled as an Indian word or as an English one."""
    return "indian" if indian_score(word) > 0 else "english"


def indian_score(word: str) -> float:
    """How far the spelling of lower-case ASCII letters speaks for an Indian word: above zero where it does."""
    weights = cues()
    written = f"{_EDGE}{word[:40]}{_EDGE}"
    return sum(
        weights.get(written[start : start + size], 0.0) for size in (2, 3) for start in range(len(written) - size + 1)
    )
