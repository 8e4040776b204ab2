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
_OPEN = _VOWELS + "~"
"""Last phones of words that end in a vowel."""
_CLOSING = "bcdfgjklpqrstxz"
"""Letters that end no spelling of a vowel."""
_ASPIRATED = {"k": "K", "g": "G", "c": "C", "j": "J", "1": "2", "3": "4", "t": "T", "d": "D", "p": "P", "b": "B"}
_TOO_MUCH = round(_WORST * SCALE)
_NEVER = 1 << 30
_PLURALS = (
    (re.compile(r"iy?o{1,2}n"), "ियों", "i", "ी"),
    (re.compile(r"iy?a{1,2}n"), "ियाँ", "i", "ी"),
    (re.compile(r"y?(?:ei|ai|e)n"), "एँ", "", "ा"),
    (re.compile(r"(?:ei|ai|e)n"), "ें", "", ""),
    (re.compile(r"o{1,2}n"), "ों", "", ""),
    (re.compile(r"o{1,2}n"), "ों", "a", "ा"),
)
"""How the ending of a plural is typed and written, and what the singular ends in, typed and written."""
_SURE = 3.0
"""A reading whose letters are likelier than this needs no plural of another word as well."""
_PLURAL_COST = 0.5
_KNOWN_SINGULAR = 3.0
"""How often texts have a word of which plurals are made."""


Forms = tuple[tuple[str, int], ...]
"""How a phone is typed: letters, and the cost of each form."""


class Candidate(NamedTuple):
    """A Hindi word, the negative logarithm of its being typed so, and how often texts have it."""

    word: str
    cost: float
    frequency: float


Entry = tuple[str, str, str]
"""A word of the vocabulary, its phones, and how often texts have it."""


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
def short_forms() -> dict[str, str]:
    """Spellings that no alignment explains, or with a sense of their own: h है, kr कर, wo वो; see `short_form`."""
    return dict(line.split("\t", 1) for line in tables.lines("romanised_short_forms"))


@lru_cache(maxsize=1_000)
def short_form(typed: str) -> tuple[Candidate, ...]:
    """What such a spelling stands for."""
    shares = (word.partition(":") for word in short_forms().get(typed, "").split("\t") if word)
    return tuple(Candidate(word, -math.log(float(share or 1)), 0) for word, _, share in shares)


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


class _Probes(NamedTuple):
    """How a phone is typed in its place: the lengths of the forms, and the cost of each form."""

    lengths: tuple[int, ...]
    costs: dict[str, int]


@cache
def _probes_of(unit: str) -> _Probes:
    costs = dict(_forms(unit))
    return _Probes(tuple(sorted({len(form) for form in costs})), costs)


@cache
def _probes(window: str) -> _Probes:
    """Those of the phone in the middle of a window."""
    return _probes_of(_unit(window))


@lru_cache(maxsize=256)
def entries(key: str) -> list[Entry]:
    """The words of a skeleton."""
    row = tables.row("romanised_words", key)
    cells = row.split("\t") if row else []
    return list(zip(cells[::3], cells[1::3], cells[2::3], strict=True))


@lru_cache(maxsize=5_000)
def candidates(typed: str) -> tuple[Candidate, ...]:
    """Hindi words that lower-case letters may stand for, the likeliest first."""
    if len(typed) > _LONGEST:
        return ()
    drawn = re.sub(r"(.)\1{2,}", r"\1", typed)  # bohotttt, yaaaar
    typed = re.sub(r"(.)\1{2,}", r"\1\1", typed)
    found = {one.word: one for one in short_form(typed) or short_form(drawn)}
    vowel = _ends_in_vowel(typed)
    for word, phones, frequency in entries(skeleton(typed)):
        if vowel is not None and vowel != (phones[-1] in _OPEN):
            continue
        cost = alignment_cost(typed, phones) / SCALE
        if cost < _WORST:
            short = found.get(word)
            cost = min(short.cost, cost) if short else cost
            found[word] = Candidate(word, cost, float(frequency))
    if not any(one.cost < _SURE for one in found.values()):
        found = {one.word: one for one in _plurals(typed)} | found
    return tuple(sorted(found.values(), key=lambda one: one.cost - math.log(one.frequency + 0.5))[:_MOST])


def _plurals(typed: str) -> list[Candidate]:
    """Plurals, of which texts have only the singular: barsaatein बरसातें."""
    found: list[Candidate] = []
    for ending, written, typed_end, written_end in _PLURALS:
        for length in range(2, min(6, len(typed) - 2)):
            if not ending.fullmatch(typed, len(typed) - length):
                continue
            for one in candidates(typed[:-length] + typed_end)[:2]:
                fits = one.word.endswith(written_end) if written_end else _in_consonant(one.word)
                if fits and one.cost < _SURE and one.frequency >= _KNOWN_SINGULAR:
                    stem = one.word.removesuffix(written_end) + ("ा" if written == "एँ" else "")
                    found.append(Candidate(stem + written, one.cost + _PLURAL_COST, one.frequency / 10))
    return found


def _in_consonant(word: str) -> bool:
    return "क" <= word[-1] <= "ह" or word[-1] == "\u093c"


def spells_frequent(typed: str, frequency: float) -> bool:
    """Whether the letters spell a word that texts have more often than ``frequency``: quicker than `candidates`."""
    vowel = _ends_in_vowel(typed)
    return any(
        float(texts) > frequency
        and (vowel is None or vowel == (phones[-1] in _OPEN))
        and alignment_cost(typed, phones) < _TOO_MUCH
        for _, phones, texts in entries(skeleton(typed))
    )


def _ends_in_vowel(typed: str) -> bool | None:
    """Whether a word that is typed so ends in a vowel; None where both are possible."""
    return True if typed[-1] in "eiou" else False if typed[-1] in _CLOSING else None


def alignment_cost(typed: str, phones: str) -> int:
    """The cost of the cheapest alignment of the letters with the phones, in hundredths; `_NEVER` for none."""
    padded = f" {phones} "
    lengths, costs = _probes(padded[-3:])
    if not any(typed[-length:] in costs if length else "" in costs for length in lengths):
        return _NEVER  # most words fall here, by their last letter
    reached = {0: 0}
    for first in range(len(phones)):
        lengths, costs = _probes(padded[first : first + 3])
        ahead: dict[int, int] = {}
        for place, cost in reached.items():
            for length in lengths:
                stop = place + length
                extra = costs.get(typed[place:stop])
                if extra is not None and cost + extra < ahead.get(stop, _TOO_MUCH):
                    ahead[stop] = cost + extra
        if not ahead:
            return _NEVER
        reached = ahead
    return reached.get(len(typed), _NEVER)
