"""Latin letters in Hindi text: words as Hindi writes them, acronyms by the names of their letters."""

from __future__ import annotations

import re
from functools import lru_cache

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.graphemes import ANUSVARA, CONSONANTS, SIGNS, VIRAMA

WORDS = tables.pairs("latin_words")
LETTER_NAMES = tables.pairs("letter_names")
_SIGN_OF = dict(zip("आइईउऊएऐओऔऍऑ", "ािीुूेैोौॅॉ", strict=True))
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_MAX_ACRONYM = 5


def _read_rules() -> dict[str, list[tuple[str, re.Pattern[str] | None, re.Pattern[str] | None, tuple[str, ...]]]]:
    """Rules by first letter, in the order of the table; shorter ``letters`` never shadow longer ones behind them."""
    by_letter: dict[str, list[tuple[str, re.Pattern[str] | None, re.Pattern[str] | None, tuple[str, ...]]]] = {}
    rows = [(*row, "", "", "")[:4] for row in tables.rows("latin_rules")]
    for letters, before, behind, units in sorted(rows, key=lambda row: -len(row[0])):
        left = re.compile(f"(?:{before})$") if before else None
        right = re.compile(behind) if behind else None
        by_letter.setdefault(letters[0], []).append((letters, left, right, tuple(units.split())))
    return by_letter


_RULES = _read_rules()


@lru_cache(maxsize=5_000)
def to_devanagari(word: str) -> tuple[str, ...]:
    """The Hindi words that speak ASCII letters (and apostrophes): never empty where there is a letter.

    >>> to_devanagari("Google"), to_devanagari("BJP")
    (('गूगल',), ('बी', 'जे', 'पी'))
    """
    lower = word.lower()
    if lower in WORDS:
        return tuple(WORDS[lower].split())
    if lower.removesuffix("'s") in WORDS and lower.endswith("'s"):
        return (*WORDS[lower[:-2]].split()[:-1], WORDS[lower[:-2]].split()[-1] + "स")
    if len(word) <= _MAX_ACRONYM and len(word) > 2 and word[0].isupper() and word[-1].isupper():
        return tuple(LETTER_NAMES[letter] for letter in lower if letter != "'")  # LoC, PoK
    parts = _PARTS.findall(word.replace("'", ""))
    if len(parts) > 1:
        return tuple(spoken for part in parts for spoken in to_devanagari(part))
    return tuple(spoken for part in parts for spoken in _speak(part))


def _speak(part: str) -> tuple[str, ...]:
    if len(part) == 1 or not pronounceable(part) or (part.isupper() and len(part) <= _MAX_ACRONYM):
        return tuple(LETTER_NAMES[letter] for letter in part.lower())
    return (transliterate(part.lower()),)


def pronounceable(word: str) -> bool:
    """Whether a word has a vowel letter, and is not so long a row of consonants that it must be spelled."""
    return bool(re.search("[aeiouy]", word.lower())) and not re.search("[^aeiouy]{6}", word.lower())


def transliterate(word: str) -> str:
    """Lower-case ASCII letters by rule; an approximation for words outside the lexicon."""
    word = re.sub(r"([b-df-hj-np-tv-z])\1+", r"\1", word) if not word.endswith("all") else word
    units: list[str] = []
    place = 0
    while place < len(word):
        for letters, left, right, spoken in _RULES.get(word[place], ()):
            if (
                word.startswith(letters, place)
                and (left is None or left.search(word[max(0, place - 4) : place] if place > 4 else word[:place]))
                and (right is None or right.match(word[place + len(letters) :][:6]))
            ):
                units.extend(spoken)
                place += len(letters)
                break
        else:
            place += 1
    return compose(units)


def compose(units: list[str]) -> str:
    """Consonant letters, independent vowels and bindus → spelling with signs and viramas; अ is an inherent schwa."""
    written = ""
    after_consonant = False
    for unit in units:
        if unit in CONSONANTS:
            written += VIRAMA + unit if after_consonant else unit
            after_consonant = True
            continue
        for vowel in unit:
            if vowel == ANUSVARA or vowel in SIGNS:
                written += vowel
            elif after_consonant and vowel in _SIGN_OF:
                written += _SIGN_OF[vowel]
            elif not (after_consonant and vowel == "अ"):
                written += vowel
            after_consonant = vowel in CONSONANTS
    return written
