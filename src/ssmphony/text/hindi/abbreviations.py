"""Abbreviations with a dot (डॉ., कि.मी., Mr.), with its stand-ins (डा॰, उ0प्र0), and initials (ए. पी. जे.)."""

from __future__ import annotations

import re

from ssmphony.text.hindi import latin, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.dates import SHORT_ENGLISH_MONTHS, SHORT_MONTHS
from ssmphony.text.hindi.graphemes import VISARGA
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.unicode import VISARGA_STEMS
from ssmphony.text.sentences import Abbreviations

_ROWS = tables.rows("abbreviations")
_DOTTED = {row[0]: tuple(row[1].split()) for row in _ROWS}
TITLES = {row[0]: tuple(row[1].split()) for row in _ROWS if row[2] == "title"}
_BY_NUMBER = {(row[0], row[2]): tuple(row[1].split()) for row in tables.rows("number_abbreviations")}
_AMBIGUOUS = frozenset(row[1] for row in tables.rows("letter_names") if len(row) > 2)
ABBREVIATIONS = Abbreviations(
    words=frozenset(row[0] for row in _ROWS if row[2] != "end")
    | {key for key, _ in _BY_NUMBER}
    | SHORT_ENGLISH_MONTHS
    | {"Min"},
    dated=frozenset((*SHORT_MONTHS, "से", "सें", "घं", "हे", "हेक्ट", "फु", "क्विं", "मै")),
    months=frozenset(SHORT_MONTHS),
    initials=frozenset(latin.LETTER_NAMES.values()) - _AMBIGUOUS,
    ambiguous=_AMBIGUOUS,
    units=frozenset(tables.keys("dotted_units")),
    openings=frozenset(tables.keys("sentence_openings")),
)
_NUMBER_AFTER = re.compile(r"\s?(?::-?\s?|-\s)?[+(]?\d")
"""What may stand between an abbreviation and its number: मो. 98, मो.: 98, मो.:- 98."""
_NUMBER_BEFORE = Lazy(rf"(?<!{DEVANAGARI})\d\s?\Z")
"""A digit before an abbreviation, and no zero that stands for a dot: सी०ई०ओ०."""
PRESCRIBED = frozenset(("tab", "cap"))
"""Abbreviations with a capital before the name of a medicine (Tab. Paracetamol), words in small letters."""
_MEDICINE = re.compile(r"\s[A-Z][A-Za-z]{2,19}(?:\s[A-Z][A-Za-z]{0,9})?[\s-]\d")
_NEAR = 40
"""So far behind Tab the name of a medicine and its dose are looked for."""
_LETTERS = frozenset(latin.LETTER_NAMES.values())
_SILENT = "\u0900\u0901\u0902\u0903\u093c\u093d\u094d\u0951\u0952\u0953\u0954\u0971"


def spoken(word: str, visarga: bool = False) -> tuple[str, ...]:
    """A Devanagari word without a dot: a title in full, others as they are; nothing where it is only silent signs.

    A visarga typed for a colon, as headlines do (दिल्लीः), falls away unless ``visarga`` tells that it is one. Lone
    signs are spoken as the vowels they write.
    """
    if not visarga and len(word) > 1 and word.endswith(VISARGA) and word[:-1] not in VISARGA_STEMS:
        word = word[:-1]
    return TITLES.get(word) or ((word,) if word.strip(_SILENT) else ())


def _lookup(key: str, start: int, stop: int, state: Context) -> tuple[str, ...]:
    """What a dotted key stands for here; nothing where it is unknown or spoken as it is written (श्री.)."""
    return _by_number(key, start, stop, state) or _DOTTED.get(key, ())


def _by_number(key: str, start: int, stop: int, state: Context) -> tuple[str, ...]:
    """The sense of a key before a number, or after one."""
    if (key, "before") in _BY_NUMBER and _NUMBER_AFTER.match(state.text, stop):
        return _BY_NUMBER[key, "before"]
    if (key, "after") in _BY_NUMBER and _NUMBER_BEFORE.search(state.text, max(0, start - 3), start):
        return _BY_NUMBER[key, "after"]
    return ()


def _dotted(match: re.Match[str], state: Context) -> Said | None:
    """The longest known row of parts, else the first part as a word.

    A single part inside a row of initials (रा.स्व.सं.) is a letter. A zero may stand for the dot, as offices of the
    north type it (उ0प्र0), where the abbreviation is known.
    """
    parts = list(_PART.finditer(state.text, match.start(), match.end()))
    names = [part[1] for part in parts]
    inside = state.character(match.start() - 1) == "." and "\u0900" <= state.character(match.start() - 2) <= "\u097f"
    for count in range(len(parts), int(inside and names[0] not in TITLES), -1):
        stop = parts[count - 1].end(2)
        for key in (".".join(names[:count]), "".join(names[:count])):
            if known := _lookup(key, match.start(), stop, state):
                return known, stop
    words = spoken(names[0])
    if words and parts[0][2] == "0":
        return words, parts[0].end(2)
    return (words, parts[0].end(1)) if words and parts[0][2] == "." else None


def _title(match: re.Match[str], state: Context) -> Said | None:
    title = TITLES.get(match[0])
    return (title, match.end()) if title else None


def is_prescribed(written: str, after: str) -> bool:
    """Whether Tab or Cap without a dot stands before a medicine and its dose: Tab Dolo 650."""
    return written[0].isupper() and bool(_MEDICINE.match(after))


def _full_stop(match: re.Match[str], state: Context) -> Said | None:
    """A dot typed without a space between two words (गया.वह) is a pause; one between initials is not."""
    before = re.search(rf"(?<!\.){DEVANAGARI}{{3,20}}\Z", state.text[max(0, match.start() - 20) : match.start()])
    return ((), match.end()) if before and before[0] not in _LETTERS else None


def _latin(match: re.Match[str], state: Context) -> Said | None:
    """English abbreviations: with a dot, or, the titles among them, without."""
    key = match[1].lower()
    if match[1][1:] != key[1:]:
        return None  # PH, pH
    if key in PRESCRIBED and match[1] == key:
        return (known, match.end(1)) if (known := _by_number(key, match.start(1), match.end(1), state)) else None
    if match[1] == "P" and state.character(match.end(1)) != "." and len(match[0]) == 1:
        return None  # P1 is no page
    dot = len(match[0]) > len(match[1]) or (
        key in PRESCRIBED and is_prescribed(match[1], state.text[match.end() : match.end() + _NEAR])
    )
    if dot and (known := _lookup(key, match.start(), match.end(), state)):
        return known, match.end()
    if known := _by_number(key, match.start(1), match.end(1), state):
        return known, match.end(1)
    return (TITLES[key], match.end(1)) if key in TITLES else None


def _expiry(match: re.Match[str], state: Context) -> Said:
    """Exp. 05/2026, EXP DATE: 12/25"""
    return ("एक्सपायरी",), match.end()


def _least(match: re.Match[str], state: Context) -> Said:
    """Min. due, Min. ₹500"""
    return ("मिनिमम",), match.end()


def _sector(match: re.Match[str], state: Context) -> Said:
    """Sec-62, in an address; of an act it is Sec. 62 or Sec 62."""
    return ("सेक्टर",), match.end()


def _numbered(match: re.Match[str], state: Context) -> Said:
    """CHQ NO 000123"""
    return ("नंबर",), match.end()


_DOT = r"(?:\.|0(?!\d))"
_PART = Lazy(rf"({DEVANAGARI}{{1,9}})({_DOT}?)\s?")
TOKENS = (
    Token("h", (rf"(?:{DEVANAGARI}{{1,9}}{_DOT}\s?){{1,6}}(?:{DEVANAGARI}{{1,4}}(?!{DEVANAGARI}))?"), _dotted),
    Token("h", (rf"{DEVANAGARI}{{1,9}}(?!{DEVANAGARI})"), _title),
    Token("l", r"(?<![A-Za-z])(?i:exp)\.?(?=:?\s?(?:(?i:date|dt)\b|(?:\d{1,2}[/.-]){1,2}(?:20)?\d\d(?!\d)))", _expiry),
    Token("l", r"(?<![A-Za-z])Min\.(?=\s?(?:[A-Za-z]|[₹$]|Rs))", _least),
    Token("l", r"(?<![A-Za-z])S(?:ec|EC)(?=-\d{1,3}(?![\d-]))", _sector),
    Token("l", r"(?<=[A-Z]\s)NO\.?(?=:?\s?\d)", _numbered),
    Token("l", (r"([A-Za-z]{1,8}(?:\.[a-z])?)(?![A-Za-z])\.?"), _latin),
    Token("s", (rf"(?<={DEVANAGARI})\.(?={DEVANAGARI}{{2}})"), _full_stop),
)
