"""Words that are written alike and said in two ways, distinguished by the words around them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.lexicon import Lexicon, Pronunciation


@lru_cache(maxsize=1)
def table() -> Lexicon:
    return Lexicon.parse(("\t".join(row) for row in tables.rows("homographs")), "homographs.tsv")


def choose(words: Sequence[str], place: int) -> Pronunciation | None:
    """How ``words[place]`` of a normalised sentence is said where its neighbours ask for the rarer reading.

    >>> choose(["उसका", "गहरा", "राज", "खुल", "गया"], 2).words
    ('राज़',)
    """
    lexicon = table()
    if words[place] not in lexicon.entries:
        return None
    return lexicon.choose(words[place], words[max(0, place - 8) : place], words[place + 1 : place + 9])
