"""Phones → a Devanagari spelling that sounds like them, for what was given in phones and must be shown in letters."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from ssmphony.text import notation
from ssmphony.text.hindi import transliteration


@lru_cache(maxsize=1)
def _units() -> dict[str, str]:
    return {phone: letter for phone, _, letter, _ in notation.table()}


def spell_phones(phones: Iterable[str]) -> str:
    """One word; a schwa at its end, which Hindi does not write, is lost.

    >>> spell_phones(["k", "ə", "m", "l", "aː"])
    'कम्ला'
    """
    units = _units()
    return transliteration.compose([units[phone] for phone in phones])
