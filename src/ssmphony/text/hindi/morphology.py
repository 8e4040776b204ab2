"""Where a written word falls into parts that are spoken like words of their own."""

from __future__ import annotations

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.graphemes import CONSONANTS, NUKTA, VIRAMA

SECOND_PARTS = frozenset(row[0] for row in tables.rows("second_parts"))
FIRST_PARTS = frozenset(row[0] for row in tables.rows("first_parts"))
AA_NOUNS = frozenset(row[0] for row in tables.rows("aa_nouns"))
ENDINGS = frozenset(row[0] for row in tables.rows("endings"))
PLURAL = "ों"
_SECOND_HEADS = frozenset(part[:2] for part in SECOND_PARTS)


def compound(word: str) -> tuple[str, ...]:
    """The word in one or two parts: लोकसभा → लोक, सभा. The first ends in an inherent schwa."""
    for place in range(2, len(word) - 1):
        if not _is_boundary(word, place):
            continue
        if word[:place] in FIRST_PARTS:
            return word[:place], word[place:]
        if word[place - 2] == VIRAMA and place < 4:
            continue  # प्र-, स्व- are prefixes, not parts
        if word[place : place + 2] in _SECOND_HEADS and _is_second(word[place:]):
            return word[:place], word[place:]
    return (word,)


def keeps_joint(part: str) -> bool:
    """Whether the first part of a compound is spoken with its final schwa: behind a cluster, राज्य|सभा."""
    return part not in FIRST_PARTS and part[-2] == VIRAMA


def keeps_stem(word: str) -> bool:
    """Whether a plural in -ों speaks its stem as it is alone (बादल: बादलों), unlike those of nouns in -आ."""
    return word.endswith(PLURAL) and word[: -len(PLURAL)] not in AA_NOUNS


def _is_boundary(word: str, place: int) -> bool:
    before, after = word[place - 1], word[place]
    return (before in CONSONANTS or before == NUKTA) and after in CONSONANTS


def _is_second(tail: str) -> bool:
    if tail in SECOND_PARTS:
        return True
    return any(tail[:length] in SECOND_PARTS and tail[length:] in ENDINGS for length in range(2, len(tail)))
