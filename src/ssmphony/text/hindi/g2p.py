"""Hindi word → phones: exceptions first, then spelling, schwa deletion and sound rules."""

from __future__ import annotations

from functools import lru_cache

from ssmphony.text.hindi import phonology, schwa
from ssmphony.text.hindi.graphemes import spell


@lru_cache(maxsize=20_000)
def phones(word: str) -> tuple[str, ...]:
    """Phones of one clean Devanagari word (see `unicode.clean`); empty when nothing in it sounds."""
    return tuple(phone.symbol for phone in phonology.nasalise(schwa.delete(spell(word))))
