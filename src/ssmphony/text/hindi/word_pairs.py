"""How Hindi words follow each other, for reading what may be one of several: costs of pairs of neighbours.

``romanised_pairs.tsv`` counts neighbours in Hindi text, where English loan words, names and numbers stand for their
classes. Absolute discounting: what a pair does not have falls to the words that end alike, then to single words.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache

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


@lru_cache(maxsize=5_000)
def _followers(word: str) -> tuple[float, dict[str, int]]:
    """How often a word stands in texts, and its neighbours."""
    row = _pairs().get(word)
    if row is None:
        return 0.0, {}
    count, *cells = row.split("\t")
    return float(count), dict(zip(cells[::2], map(int, cells[1::2]), strict=True))


def frequency_of(word: str) -> float:
    """How often texts have a frequent word or a class."""
    return _followers(word)[0]


def ending(word: str) -> str:
    """The class of words that end alike, for words too rare to know their neighbours."""
    return f"-{word[-2:]}"


@lru_cache(maxsize=50_000)
def cost(before: str, word: str, frequency: float) -> float:
    """The negative logarithm of how likely ``word`` (or a class) is after ``before``.

    ``frequency`` is how often texts have the word; that of a class is known.
    """
    if word.startswith("<"):
        frequency = frequency_of(word)
    share = (frequency + _UNSEEN) / float(_pairs()[ANY])
    for history in (before,) if before.startswith("<") else (ending(before), before):
        total, followers = _followers(history)
        if total:
            kept = sum(followers.values()) - _DISCOUNT * len(followers)
            seen = max(followers.get(word, 0) - _DISCOUNT, 0.0)
            share = (seen + max(total - kept, _LEAST_REST * total) * share) / total
    return -math.log(share)
