"""What Hindi words are made of: which pieces of a word are words themselves, and the endings they take.

``words.tsv`` lists the words of the Common Voice sentences (CC0), ``stems.tsv`` what compounds and plurals need
besides. Both are without nuktas, which most writers leave out.
"""

from __future__ import annotations

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.graphemes import NUKTA

WORDS = frozenset(row[0] for row in (*tables.rows("words"), *tables.rows("stems")))
ENDINGS = frozenset(row[0] for row in tables.rows("endings"))
_LIGHT_ENDINGS = frozenset("ा े ी ो ों ें ता ीय िक ित ना ने नी ते ती".split())
_VERB_ENDINGS = ("ना", "ने", "ता", "ते", "कर")


def bare(word: str) -> str:
    """The word without nuktas."""
    return word.replace(NUKTA, "")


def is_word(piece: str) -> bool:
    """Whether a piece of two letters or more is a word, perhaps with a light ending."""
    if len(piece) < 2:
        return False
    if piece in WORDS:
        return True
    return any(
        len(piece) - length > 2 and piece[-length:] in _LIGHT_ENDINGS and piece[:-length] in WORDS for length in (1, 2)
    )


def stem_kinds(stem: str) -> str:
    """How a stem in a consonant is known: ``n`` alone, ``a``, ``e`` with -आ, -े (लड़का, लड़के), ``v`` as a verb."""
    return (
        ("n" if stem in WORDS else "")
        + ("a" if stem + "ा" in WORDS else "")
        + ("e" if stem + "े" in WORDS else "")
        + ("v" if any(stem + ending in WORDS for ending in _VERB_ENDINGS) else "")
    )
