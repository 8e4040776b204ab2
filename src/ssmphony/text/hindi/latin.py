"""Latin letters in Hindi text: words as Hindi writes them, acronyms by the names of their letters.

In this order: acronyms as they are written, the two lexicons, capitals, camel case, inflections and compounds of
English words, and letter-to-sound rules for the rest.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache

from ssmphony.text.hindi import english, tables
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.transliteration import join, style_of, transliterate

LETTER_NAMES = tables.pairs("letter_names")
_PARTS = Lazy(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_LONGEST_ACRONYM = 5
_SMALL_PAIRS = frozenset("id ip hr pc tv ac dj cd ui ux qr bp ev tb dp fb fd rd pf iq pg ug rc dl ct dm ai uk".split())
"""Acronyms of two letters that are written small and are no word."""
_BEGINNINGS = frozenset(row[0] for row in tables.rows("word_beginnings"))
_LONGEST_INITIALISM = 4
_LONG_PART = 4
"""Letters of two English words that no Indian one is written as."""
_LONGEST_SECOND_PART = 7
_FIGURE = "#"
"""Stands for any number in the cues of an acronym."""
_SAID_AS_WORD = Lazy(r"(?:[bcdfghjklmnprstvwyz][aeiou]){2,}[bdklmnprst]?")
"""Four or five capitals in this alternation are spoken as a word (SEBI, NITI); all others by their letters."""


@cache
def _acronyms() -> dict[str, str]:
    rows = tables.rows("acronyms")
    return {written: " ".join(spoken or _letters(written)) for written, *spoken in rows}


@cache
def indian_words() -> dict[str, str]:
    """Lower-case Indian names and romanised Hindi words in Devanagari; what is also English is not among them."""
    return tables.pairs("indian_words")


@cache
def initialisms() -> dict[str, str]:
    """Acronyms in small letters."""
    return {written.lower(): spoken for written, spoken in _acronyms().items()}


@cache
def _initialism_cues() -> dict[str, tuple[frozenset[str], frozenset[str]]]:
    """Acronyms that are a word too, and the words after and before that tell which it is."""
    return {
        written: (frozenset(after.split()), frozenset(" ".join(before).split()))
        for written, after, *before in tables.rows("initialisms")
    }


def is_initialism(written: str, before: str, after: str) -> bool:
    """Whether letters that are a word too (ram, it) stand for an acronym, by their neighbours.

    >>> is_initialism("ram", "gb", ""), is_initialism("ram", "", "ne"), is_initialism("AIR", "", "12")
    (True, False, True)
    """
    cues = _initialism_cues().get(written) or _initialism_cues().get(written.lower())
    if cues is None:
        return False
    following, earlier = cues
    return after.lower() in following or (after[:1].isdigit() and _FIGURE in following) or before.lower() in earlier


def initialism(written: str) -> tuple[str, ...]:
    """What such letters are read as; those that are an acronym in capitals alone (AIR) by their names."""
    return _letters(written) if written in _initialism_cues() and written.isupper() else to_devanagari(written.upper())


def _letters(word: str) -> tuple[str, ...]:
    return tuple(LETTER_NAMES[letter] for letter in word.lower() if letter in LETTER_NAMES)


@lru_cache(maxsize=5_000)
def to_devanagari(word: str) -> tuple[str, ...]:
    """The Hindi words that speak ASCII letters (and apostrophes): never empty where there is a letter.

    >>> to_devanagari("Google"), to_devanagari("BJP"), to_devanagari("powerbanks")
    (('गूगल',), ('बी', 'जे', 'पी'), ('पावर', 'बैंक्स'))
    """
    word = word.strip("'")
    known = _acronyms().get(word) or (None if _too_short(word) else _lexicon(word.lower()))
    if known:
        return tuple(known.split())
    capitals = word[:-1] if word[1:-1].isupper() and word[:-1].isupper() and word[-1] == "s" else word
    if is_acronym(capitals):
        return _acronym(capitals) if capitals == word else _plural(_acronym(capitals))
    if word.endswith("'s"):
        spoken = to_devanagari(word[:-2].replace("'", ""))
        return _plural(spoken) if spoken else ("एस",)
    parts = _PARTS.findall(word.replace("'", ""))
    if len(parts) > 1:
        return tuple(spoken for part in parts for spoken in to_devanagari(part))
    return tuple(spoken for part in parts for spoken in _unknown(part.lower()))


def _lexicon(lower: str) -> str | None:
    """A lower-case word of the lexicons, or one in their inflected or joined forms; an acronym in small letters."""
    known = english.words().get(lower) or indian_words().get(lower)
    if not known and (len(lower) > 2 or lower in _SMALL_PAIRS):
        known = initialisms().get(lower)
    return known or english.inflected(lower)


def _too_short(word: str) -> bool:
    """Two capitals that are no English word stand for themselves, also where they look like one of Hindi (KA, SE)."""
    return len(word) == 2 and word.isupper() and word.lower() not in english.words()


def is_acronym(word: str) -> bool:
    inside = len(word) > 2 and word.isalpha() and word[0].isupper() and word[-1].isupper()  # LoC, PoK
    return 1 < len(word) <= _LONGEST_ACRONYM and (word.isupper() or inside)


def _acronym(word: str) -> tuple[str, ...]:
    if word in _acronyms():
        return tuple(_acronyms()[word].split())
    if len(word) > 3 and _SAID_AS_WORD.fullmatch(word.lower()):
        return (transliterate(word.lower(), "indian"),)
    return _letters(word)


def _plural(spoken: tuple[str, ...]) -> tuple[str, ...]:
    return (*spoken[:-1], english.plural(spoken[-1]))


def _unknown(lower: str) -> tuple[str, ...]:
    if not pronounceable(lower):
        return _letters(lower)
    if name := _indian_compound(lower):
        return (name,)
    style = style_of(lower)
    parts = english.compound(lower) if style == "english" else english.compound(lower, _LONG_PART)
    return parts or (transliterate(lower, style),)


@cache
def _second_parts() -> dict[str, str]:
    return tables.pairs("indian_second_parts")


def _indian_compound(lower: str) -> str | None:
    """A known Indian word and one of the second parts of names: Ramlal, Motinagar, Modiji."""
    for size in range(min(_LONGEST_SECOND_PART, len(lower) - 3), 1, -1):
        first, second = indian_words().get(lower[:-size]), _second_parts().get(lower[-size:])
        if first and second and " " not in first:
            return join(first, second)
    return None


def pronounceable(word: str) -> bool:
    """Whether a word has a vowel letter, no long row of consonants and, if short, a beginning that words have."""
    beginning = re.match("[^aeiouy]*", word)
    if len(word) <= _LONGEST_INITIALISM and beginning and len(beginning[0]) > 1 and beginning[0] not in _BEGINNINGS:
        return False
    if re.search(r"(.)\1\1", word):
        return False
    return len(word) > 1 and bool(re.search("[aeiouy]", word)) and not re.search("[^aeiouy]{6}", word)
