"""Hindi words for what is typed in Latin letters: jaega, jayega, jaayega → जाएगा.

A noisy channel. Every word of ``romanised_words.tsv`` has its phones in one letter each; ``romanised_spellings.tsv``
says how each phone is typed and how often. The words that a spelling may stand for share its `skeleton`, consonants
without what writers leave out; each of them is weighed by the best alignment of its phones with the letters.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from typing import NamedTuple

from ssmphony.text.hindi import tables

SCALE = 100
"""Costs in the tables are negative natural logarithms in hundredths."""
_LONGEST = 24
_MOST = 8
_WORST = 9.0
"""A reading whose letters are less likely than this (a negative logarithm) is none."""
_VOWELS = "aAiIuUeEoO"
_CLOSING = "bcdfgjklpqrstxz"
"""Letters that end no spelling of a vowel."""
_ASPIRATED = {"k": "K", "g": "G", "c": "C", "j": "J", "1": "2", "3": "4", "t": "T", "d": "D", "p": "P", "b": "B"}
_TOO_MUCH = round(_WORST * SCALE)
_NEVER = 1 << 30


Forms = tuple[tuple[str, int], ...]
"""How a phone is typed: letters, and the cost of each form."""


class Candidate(NamedTuple):
    """A Hindi word, the negative logarithm of its being typed so, and how often texts have it."""

    word: str
    cost: float
    frequency: float


class Entry(NamedTuple):
    """A word of the vocabulary, its phones, how often texts have it, and whether it ends in a vowel."""

    word: str
    phones: str
    frequency: float
    vowel: bool


@cache
def _spellings() -> dict[str, Forms]:
    """The forms of each unit."""
    found: dict[str, Forms] = {}
    for unit, *cells in tables.rows("romanised_spellings"):
        pairs = zip(cells[::2], map(int, cells[1::2]), strict=True)
        found[unit] = tuple((form.strip("-"), cost) for form, cost in pairs)
    return found


@cache
def _forms(unit: str) -> Forms:
    """The forms of a unit, or of its phone in any place."""
    spellings = _spellings()
    return spellings.get(unit) or spellings.get(unit[:2]) or spellings[unit[0]]


@cache
def _words() -> dict[str, str]:
    """The rows of the vocabulary, each under the skeleton of its words."""
    return dict(row.split("\t", 1) for row in tables.lines("romanised_words"))


@cache
def short_forms() -> dict[str, tuple[Candidate, ...]]:
    """Spellings that no alignment explains, or with a sense of their own: h है, kr कर, wo वो."""
    found: dict[str, tuple[Candidate, ...]] = {}
    for typed, *words in tables.rows("romanised_short_forms"):
        shares = [word.partition(":") for word in words]
        found[typed] = tuple(Candidate(word, -math.log(float(share or 1)), 0) for word, _, share in shares)
    return found


def skeleton(letters: str) -> str:
    """What all spellings of a word share: lower-case ``letters`` without vowels, aspiration, glides and a final n.

    >>> skeleton("jayega"), skeleton("jaaegaa"), skeleton("acchha"), skeleton("hain"), skeleton("hai")
    ('jg', 'jg', 'ac', 'h', 'h')
    """
    initial = letters[:1]
    letters = letters.replace("x", "ks").replace("q", "k").replace("z", "j").replace("f", "p").replace("w", "v")
    letters = re.sub("m(?=[pb])", "n", letters)
    letters = re.sub(r"(?<=.)h", "", letters)
    letters = re.sub(r"(.)\1+", r"\1", letters)
    letters = re.sub(r"(?<=.)n$", "", letters)
    bare = letters[:1] + re.sub("[aeiouyv]", "", letters[1:])
    return "a" + bare[1:] if initial in "aeiou" else bare


def units(pattern: str) -> tuple[str, ...]:
    """The phones of a pattern as rows of ``romanised_spellings.tsv``: each with what its place does to its spelling.

    ``$`` the end, ``+`` a vowel after a vowel, ``=`` the first half of a double consonant, ``_`` a consonant before
    another, ``h`` a schwa next to h, ``~`` a nasal vowel.

    >>> units("jAegA")
    ('j', 'A', 'e+', 'g', 'A$')
    """
    padded = f" {pattern} "
    return tuple(_unit(padded[place : place + 3]) for place in range(len(pattern)))


def _unit(window: str) -> str:
    """The unit of the phone in the middle, between its neighbours or the blank of an edge."""
    before, phone, after = window[0].strip(), window[1], window[2].strip()
    if phone == "~":
        return "~" if after else "~I" if before == "I" else "~$"
    if phone in _VOWELS:
        nasal = "~" * (after == "~")
        if phone == "a" and "h" in (before, after):
            return "ah"
        if before and before in _VOWELS + "~":
            return f"{phone}+{nasal}"
        return phone + (nasal if after or phone == "a" else "$")
    if after and after in (phone, _ASPIRATED.get(phone, phone)):
        return phone + "="
    return phone if after and after in _VOWELS else phone + ("_" if after else "$")


@cache
def _typed(window: str) -> Forms:
    """How the phone in the middle of a window is typed."""
    return _forms(_unit(window))


@lru_cache(maxsize=2_000)
def entries(key: str) -> tuple[Entry, ...]:
    """The words of a skeleton."""
    row = _words().get(key)
    if row is None:
        return ()
    cells = row.split("\t")
    rows = zip(cells[::3], cells[1::3], map(float, cells[2::3]), strict=True)
    return tuple(Entry(word, phones, frequency, phones[-1] in _VOWELS + "~") for word, phones, frequency in rows)


@lru_cache(maxsize=20_000)
def candidates(typed: str) -> tuple[Candidate, ...]:
    """Hindi words that lower-case letters may stand for, the likeliest first."""
    if len(typed) > _LONGEST:
        return ()
    drawn = re.sub(r"(.)\1{2,}", r"\1", typed)  # bohotttt, yaaaar
    typed = re.sub(r"(.)\1{2,}", r"\1\1", typed)
    found = {one.word: one for one in short_forms().get(typed) or short_forms().get(drawn, ())}
    vowel = _ends_in_vowel(typed)
    for entry in entries(skeleton(typed)):
        if vowel not in (None, entry.vowel):
            continue
        cost = alignment_cost(typed, entry.phones) / SCALE
        if cost < _WORST:
            short = found.get(entry.word)
            cost = min(short.cost, cost) if short else cost
            found[entry.word] = Candidate(entry.word, cost, entry.frequency)
    return tuple(sorted(found.values(), key=lambda one: one.cost - math.log(one.frequency + 0.5))[:_MOST])


def spells_frequent(typed: str, frequency: float) -> bool:
    """Whether the letters spell a word that texts have more often than ``frequency``: quicker than `candidates`."""
    vowel = _ends_in_vowel(typed)
    return any(
        entry.frequency > frequency and vowel in (None, entry.vowel) and alignment_cost(typed, entry.phones) < _TOO_MUCH
        for entry in entries(skeleton(typed))
    )


def _ends_in_vowel(typed: str) -> bool | None:
    """Whether a word that is typed so ends in a vowel; None where both are possible."""
    return True if typed[-1] in "eiou" else False if typed[-1] in _CLOSING else None


def alignment_cost(typed: str, phones: str) -> int:
    """The cost of the cheapest alignment of the letters with the phones, in hundredths; `_NEVER` for none."""
    reached = {0: 0}
    padded = f" {phones} "
    for first in range(len(phones)):
        ahead: dict[int, int] = {}
        for form, extra in _typed(padded[first : first + 3]):
            for place, cost in reached.items():
                if typed.startswith(form, place):
                    stop, total = place + len(form), cost + extra
                    if total < ahead.get(stop, _TOO_MUCH):
                        ahead[stop] = total
        if not ahead:
            return _NEVER
        reached = ahead
    return reached.get(len(typed), _NEVER)
