"""Indian words in the Latin letters of scholars (IAST, ISO 15919, Hunter): Śiva शिव, Mahābhārata महाभारत."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from ssmphony.text.hindi import tables

LETTERS = "āīūṛṝḷḹēōṃṁḥṅṇṭḍśṣḻṟ" + "ĀĪŪṚṜḶĒŌṂṀḤṄṆṬḌŚṢḺ"
_MARKS = "\u0304\u0323\u0301\u0307\u0325\u0303"
_MARKED = rf"(?:[{LETTERS}]|[AaIiUuEeOoRrLlMmHhNnTtDdSs][{_MARKS}])"
WORD = rf"(?<!\w)(?=[A-Za-zñÑ']{{0,20}}(?:{_MARKED}|[jJ]ñ))[A-Za-zñÑ{LETTERS}{_MARKS}]{{2,40}}(?!\w)"
"""A word with one of the marks that only these spellings have; those of French or Spanish (café, señor) are none."""
_VIRAMA = "\u094d"
_SIGNS = "ंः"


@cache
def _units() -> dict[str, tuple[str, str | None]]:
    """Letters, and the Devanagari of each: of a consonant (and None), of a vowel at the front and after a consonant."""
    return {row[0]: (row[1], row[2].strip("-") if len(row) > 2 else None) for row in tables.rows("iast")}


@cache
def _letters() -> re.Pattern[str]:
    return re.compile("|".join(sorted(map(re.escape, _units()), key=len, reverse=True)))


def to_devanagari(word: str) -> str:
    """``word`` in Devanagari; as it is where it has other letters.

    >>> to_devanagari("Prakāśana"), to_devanagari("Kṛṣṇa"), to_devanagari("Śląsk")
    ('प्रकाशन', 'कृष्ण', 'Śląsk')
    """
    letters = unicodedata.normalize("NFC", word).lower()
    if letters in ("oṃ", "oṁ"):
        return "ॐ"
    hunter = "sh" in letters or not re.search("[ṛśṣṭḍṇṃṁḥṅ]", letters)
    written, place, consonant = "", 0, False
    while place < len(letters):
        token = _letters().match(letters, place)
        if token is None:
            return word
        unit = "c" if hunter and token[0] == "ch" else token[0]
        first, sign = _units()[unit]
        if sign is None:
            written += (_VIRAMA if consonant else "") + first
            consonant = True
        else:
            written += first if first in _SIGNS or not consonant else sign
            consonant = False
        place = token.end()
    return written
