"""English words as Hindi writes them: a lexicon, inflections and derivations by rule, and compounds of two words."""

from __future__ import annotations

import itertools
import re
from functools import cache
from typing import NamedTuple

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.transliteration import join

_SHORTEST_STEM = 3
_SHORTEST_PART = 3
_SHORTEST_COMPOUND = 7
_LONGEST = 24
"""Longer strings of letters are not words; looking for stems and parts in them would only cost time."""


class Ending(NamedTuple):
    """``ending`` after a known stem, which gets one of ``stems`` back; ``written`` where ``after`` fits its end.

    A group in ``after`` is cut off (स्टडी, स्टडिंग).
    """

    ending: str
    stems: tuple[str, ...]
    after: re.Pattern[str]
    written: str


@cache
def words() -> dict[str, str]:
    """Lower-case English words and their spelling in Devanagari (several words have spaces)."""
    return tables.pairs("english_words")


@cache
def _endings() -> dict[str, list[Ending]]:
    """The endings by their last letter, in the order of the table."""
    by_letter: dict[str, list[Ending]] = {}
    for ending, stems, after, written in tables.rows("english_endings"):
        restored = tuple(stems.replace("-", "").split(","))
        by_letter.setdefault(ending[-1], []).append(Ending(ending, restored, re.compile(after), written))
    return by_letter


@cache
def _prefixes() -> dict[str, str]:
    return tables.pairs("english_prefixes")


def is_prefix(letters: str) -> bool:
    """Whether letters are put before English words: pre-paid, non-veg."""
    return letters in _prefixes()


def inflected(word: str, depth: int = 2) -> str | None:
    """A known word with up to ``depth`` endings or a prefix, in Devanagari: players, unblocked, startups."""
    if len(word) > _LONGEST:
        return None
    for rule in _endings().get(word[-1:], ()) if depth else ():
        if word.endswith(rule.ending):
            stem = word[: -len(rule.ending)]
            # words before what has an ending or a prefix itself: reaching is reach, not re-ache
            for nested, restored in itertools.product(dict.fromkeys((1, depth)), rule.stems):
                spoken = _stem(stem, restored, nested)
                if spoken and (found := rule.after.search(spoken)):
                    return join(spoken[: found.start(1)] if found.lastindex else spoken, rule.written)
    for size in range(min(6, len(word) - _SHORTEST_STEM), 0, -1) if depth else ():
        if word[:size] in _prefixes():
            spoken = words().get(word[size:]) or inflected(word[size:], depth - 1)
            if spoken:
                return _prefixes()[word[:size]] + spoken
    return None


def plural(spoken: str) -> str:
    """A Devanagari word with an English s, of the plural or the possessive: डेज़, बसेज़, बुक्स."""
    rule = next(rule for rule in _endings()["s"] if rule.ending == "s" and rule.after.search(spoken))
    return join(spoken, rule.written)


def _stem(stem: str, restored: str, depth: int) -> str | None:
    """The Devanagari of a stem with what its ending took away: a final letter, or a doubled one (``2``)."""
    if restored == "2":
        if len(stem) < _SHORTEST_STEM + 1 or stem[-1] != stem[-2]:
            return None
        stem, restored = stem[:-1], ""
    word = stem + restored
    return (words().get(word) or inflected(word, depth - 1)) if len(stem) >= _SHORTEST_STEM - bool(restored) else None


_NOT_PARTS = frozenset("com the dec bro his ant age are her hen had ola pal ten now".split())
"""Short words that begin or end other words more often than they are parts of compounds."""
_INFLECTED = ("s", "ed", "ing", "er", "ers")
"""The endings that the second part of a compound may have (songwriter)."""


def compound(word: str, shortest: int = _SHORTEST_PART) -> tuple[str, ...] | None:
    """Two known words of ``shortest`` letters or more written as one (powerbank), the second perhaps inflected; the
    longest first part decides."""
    if not max(_SHORTEST_COMPOUND, 2 * shortest) <= len(word) <= _LONGEST:
        return None
    for size in range(len(word) - shortest, shortest - 1, -1):
        if word[:size] in _NOT_PARTS or word[size:] in _NOT_PARTS:
            continue
        first, second = words().get(word[:size]), words().get(word[size:])
        if first and not second and word.endswith(_INFLECTED):
            second = inflected(word[size:], 1)
        if first and second:
            return (*first.split(), *second.split())
    return None
