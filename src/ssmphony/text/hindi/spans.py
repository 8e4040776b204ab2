"""Which characters of the text each phone came from.

The phones of a word are aligned with its letters as they are spelled with every schwa (`graphemes.spell`), from left
to right: a phone goes to the same phone a few letters on, else to the next letter of its kind, and a nasal consonant
that no letter wrote to the nasal sign before it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from ssmphony.text.hindi.graphemes import ANUSVARA, CHANDRABINDU, NUKTA, VIRAMA, VOWEL_SYMBOLS, Phone, spell
from ssmphony.text.hindi.unicode import clean

Span = tuple[int, int]
_NASALS = frozenset("ŋ ɲ ɳ n m".split())
_REACH = 3
"""How many phones of the spelling are searched for a phone: the next, and those after a silent one or two."""


@lru_cache(maxsize=20_000)
def of_phones(written: str, spoken: tuple[str, ...], phones: tuple[str, ...]) -> tuple[Span, ...]:
    """(start, stop) in ``written`` for each phone: all of it where it is not just the Devanagari word ``spoken``.

    A nasal sign belongs to its vowel, or to the nasal consonant that it stands for.

    >>> of_phones("हिंदी", ("हिंदी",), ("ɦ", "ɪ", "n", "d̪", "iː"))
    ((0, 1), (1, 2), (2, 3), (3, 4), (4, 5))
    """
    cleaned = clean(written)
    word = cleaned.text
    if len(spoken) != 1 or word.replace(NUKTA, "") != spoken[0].replace(NUKTA, ""):
        return ((0, len(written)),) * len(phones)
    return tuple(cleaned.span(*letters) for letters in _letters(word, spell(word), phones))


def _letters(word: str, spelled: Sequence[Phone], phones: Sequence[str]) -> list[Span]:
    """The span of each phone in the clean ``word``."""
    spans: list[Span] = []
    reached, signed = 0, False
    for number, phone in enumerate(phones):
        ahead = spelled[reached : reached + _REACH]
        before = spelled[reached - 1] if reached else None
        written = bool(ahead) and ahead[0].symbol == phone and phone not in phones[number + 1 : number + 2]
        if before and before.nasal and phone in _NASALS and not (written or signed):
            sign = min(_end(word, before.index), len(word) - 1)
            spans.append((sign, sign + 1))
            signed = True
        elif (step := _step(ahead, phone)) is not None:
            spans.append((ahead[step].index, _end(word, ahead[step].index, phone)))
            reached += step + 1
            signed = False
        else:
            spans.append(spans[-1] if spans else (0, len(word)))
    return spans


def _step(ahead: Sequence[Phone], phone: str) -> int | None:
    """Which of the next phones of the spelling is this one: the same symbol, else one of its kind."""
    same = (step for step, letter in enumerate(ahead) if letter.symbol == phone)
    alike = (step for step, letter in enumerate(ahead) if letter.vowel == (phone in VOWEL_SYMBOLS))
    return next(same, next(alike, None))


def _end(word: str, place: int, phone: str = "") -> int:
    """Where the letter at ``place`` ends: after its nukta and virama, and the nasal sign of a nasal vowel."""
    stop = place + 1
    while word[stop : stop + 1] in (NUKTA, VIRAMA):
        stop += 1
    nasal = "\u0303" in unicodedata.normalize("NFD", phone)
    return stop + 1 if nasal and word[stop : stop + 1] in (ANUSVARA, CHANDRABINDU) else stop
