"""What Hindi words are made of: which pieces of a word are words themselves, and the endings they take.

``words.tsv`` lists the words of the Common Voice sentences (CC0), ``stems.tsv`` what compounds and plurals need
besides. Both are without nuktas, which most writers leave out.
"""

from __future__ import annotations

from functools import cache, lru_cache

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.graphemes import NUKTA

ENDINGS = frozenset(tables.keys("endings"))
_LIGHT_ENDINGS = frozenset("ा े ी ो ों ें ता ीय िक ित ना ने नी ते ती".split())
_VERB_ENDINGS = ("ना", "ने", "ता", "ते", "कर")


@cache
def words() -> frozenset[str]:
    """The known words; read when they are first needed."""
    return frozenset((*tables.keys("words"), *tables.keys("stems")))


def bare(word: str) -> str:
    """The word without nuktas."""
    return word.replace(NUKTA, "")


@lru_cache(maxsize=20_000)
def is_word(piece: str) -> bool:
    """Whether a piece of two letters or more is a word, perhaps with a light ending."""
    if len(piece) < 2:
        return False
    known = words()
    return piece in known or any(
        len(piece) - length > 2 and piece[-length:] in _LIGHT_ENDINGS and piece[:-length] in known for length in (1, 2)
    )


@lru_cache(maxsize=20_000)
def stem_kinds(stem: str) -> str:
    """How a stem in a consonant is known: ``n`` alone, ``a``, ``e`` with -आ, -े (लड़का, लड़के), ``v`` as a verb."""
    known = words()
    return (
        ("n" if stem in known else "")
        + ("a" if stem + "ा" in known else "")
        + ("e" if stem + "े" in known else "")
        + ("v" if any(stem + ending in known for ending in _VERB_ENDINGS) else "")
    )
