"""Written Hindi word → phones with every inherent schwa in place, each with the letter it came from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from ssmphony.text.hindi import tables

VIRAMA = "\u094d"
NUKTA = "\u093c"
ANUSVARA = "\u0902"
CHANDRABINDU = "\u0901"
VISARGA = "\u0903"
SCHWA = "ə"
JNYA = "ज" + VIRAMA + "ञ"
"""ज्ञ is ɡj in Hindi."""


@dataclass(slots=True)
class Phone:
    """One phone of a word. ``index`` is the letter that wrote it; ``inherent`` marks an unwritten schwa."""

    symbol: str
    index: int
    vowel: bool = False
    inherent: bool = False
    nasal: str = ""
    """The nasal sign on a vowel: ANUSVARA, CHANDRABINDU or nothing."""


VOWELS: dict[str, tuple[str, ...]] = {}
SIGNS: dict[str, tuple[str, ...]] = {}
CONSONANTS: dict[str, str] = {}


def _read_letters() -> None:
    for letter, kind, phones in tables.rows("letters"):
        if kind == "vowel":
            VOWELS[letter] = tuple(phones.split())
        elif kind == "sign":
            SIGNS[letter] = tuple(phones.split())
        else:
            CONSONANTS[letter] = phones


_read_letters()
_VOWEL_SYMBOLS = "ə aː ɪ iː ʊ uː eː ɛː oː ɔː æ ə̃ ãː ɪ̃ ĩː ʊ̃ ũː ẽː ɛ̃ː õː ɔ̃ː"
VOWEL_SYMBOLS = frozenset(unicodedata.normalize("NFC", _VOWEL_SYMBOLS).split())


def spell(word: str) -> list[Phone]:
    """Phones of a word in NFC letter by letter; letters that Devanagari does not know are passed over."""
    phones: list[Phone] = []
    index = 0
    while index < len(word):
        letter = word[index]
        if index + 1 < len(word) and word[index + 1] == NUKTA:
            letter = letter + NUKTA if letter + NUKTA in CONSONANTS else letter
        width = len(letter)
        if letter == JNYA[0] and word.startswith(JNYA, index):
            phones.extend((Phone("ɡ", index), Phone("j", index)))
            index += len(JNYA)
            if index >= len(word) or (word[index] not in SIGNS and word[index] != VIRAMA):
                phones.append(Phone(SCHWA, index - 1, vowel=True, inherent=True))
            elif word[index] == VIRAMA:
                index += 1
            continue
        if letter == "र" and index and word[index - 1] == VIRAMA and word.startswith("ृ", index + 1):
            index += 1  # श्रृंगार is a common spelling of शृंगार
            continue
        if letter in CONSONANTS:
            phones.append(Phone(CONSONANTS[letter], index))
            following = word[index + width] if index + width < len(word) else ""
            if following == VIRAMA:
                width += 1
            elif following not in SIGNS:
                phones.append(Phone(SCHWA, index, vowel=True, inherent=True))
        elif letter in VOWELS or letter in SIGNS:
            for symbol in VOWELS.get(letter) or SIGNS[letter]:
                phones.append(Phone(symbol, index, vowel=symbol in VOWEL_SYMBOLS))
        elif letter in (ANUSVARA, CHANDRABINDU) and phones and phones[-1].vowel:
            phones[-1].nasal = letter
            phones[-1].inherent = False
        elif letter == VISARGA and phones and phones[-1].vowel:
            phones[-1].inherent = False
            phones.append(Phone("ɦ", index))
        index += width
    return phones
