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


@cache
def _pairs() -> dict[str, str]:
    return dict(row.split("\t", 1) for row in tables.lines("romanised_pairs"))


class _History(NamedTuple):
    """How often texts have a word, what share of its neighbours is not listed, and the shares of those that are."""

    total: float
    rest: float
    followers: dict[str, float]


@lru_cache(maxsize=5_000)
def _history(word: str) -> _History | None:
    """What is known of a word or class; nothing of a rare one."""
    row = _pairs().get(word)
    if row is None:
        return None
    number, *cells = row.split("\t")
    count = float(number)
    followers = {follower: (int(n) - _DISCOUNT) / count for follower, n in zip(cells[::2], cells[1::2], strict=True)}
    return _History(count, max(1 - sum(followers.values()), _LEAST_REST), followers)


@cache
def _unit() -> float:
    """The share of a word that texts have once."""
    return 1 / float(_pairs()[ANY])


def frequency_of(word: str) -> float:
    """How often texts have a frequent word or a class."""
    row = _pairs().get(word)
    return float(row.partition("\t")[0]) if row else 0.0


def ending(word: str) -> str:
    """The class of words that end alike, for words too rare to know their neighbours."""
    return f"-{word[-2:]}"


@lru_cache(maxsize=50_000)
def cost(before: str, word: str, frequency: float | None = None) -> float:
    """The negative logarithm of how likely ``word`` (or a class) is after ``before``.

    ``frequency`` is how often texts have the word, where the caller knows better than `frequency_of`.
    """
    if frequency is None:
        frequency = frequency_of(word)
    share = (frequency + _UNSEEN) * _unit()
    for known in (before,) if before.startswith("<") else (ending(before), before):
        if history := _history(known):
            share = history.followers.get(word, 0.0) + history.rest * share
    return -math.log(share)
