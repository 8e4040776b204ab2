"""How Hindi words follow each other, for reading what may be one of several: costs of pairs of neighbours.

``romanised_pairs.tsv`` counts neighbours in Hindi text, where English loan words, names and numbers stand for their
classes. Absolute discounting: what a pair does not have falls to the words that end alike, then to single words.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import NamedTuple

from ssmphony.text.hindi import tables

EDGE, ENGLISH, NAME, NUMBER = "<s>", "<e>", "<n>", "<d>"
"""The end of a sentence or clause, and the classes of words."""
ANY = "<all>"
"""The row that counts all words."""
_DISCOUNT = 0.6
_LEAST_REST = 0.05
"""The share that is left to unseen pairs at least."""
_UNSEEN = 0.3
"""How often a word that no text has may be expected in their length."""


def _row(word: str) -> str:
    return tables.row("romanised_pairs", word)


class _History(NamedTuple):
    """How often texts have a word, how often it has each of its listed neighbours, and the share of all others."""

    total: float
    followers: dict[str, int]
    rest: float


@lru_cache(maxsize=256)
def _history(word: str) -> _History | None:
    """What is known of a word or class; nothing of a rare one."""
    row = _row(word)
    if not row:
        return None
    number, *cells = row.split("\t")
    total, counts = float(number), list(map(int, cells[1::2]))
    listed = (sum(counts) - _DISCOUNT * len(counts)) / total
    return _History(total, dict(zip(cells[::2], counts, strict=True)), max(1 - listed, _LEAST_REST))


@cache
def _unit() -> float:
    """The share of a word that texts have once."""
    return 1 / float(_row(ANY))


def frequency_of(word: str) -> float:
    """How often texts have a frequent word or a class."""
    row = _row(word)
    return float(row.partition("\t")[0]) if row else 0.0


def ending(word: str) -> str:
    """The class of words that end alike, for words too rare to know their neighbours."""
    return f"-{word[-2:]}"


@lru_cache(maxsize=10_000)
def cost(before: str, word: str, frequency: float | None = None) -> float:
    """The negative logarithm of how likely ``word`` (or a class) is after ``before``.

    ``frequency`` is how often texts have the word, where the caller knows better than `frequency_of`.
    """
    if frequency is None:
        frequency = frequency_of(word)
    share = (frequency + _UNSEEN) * _unit()
    for known in (before,) if before.startswith("<") else (ending(before), before):
        if history := _history(known):
            share *= history.rest
            if count := history.followers.get(word):
                share += (count - _DISCOUNT) / history.total
    return -math.log(share)
