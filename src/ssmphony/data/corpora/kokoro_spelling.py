"""Our phones as Kokoro-82M read them in training: espeak-ng's IPA of Hindi, character by character.

The teacher knows only the spellings that it met. What a listener or a recogniser takes a phone for depends on them: the
flap ɽ, for example, is written ``r.``, a letter and a full stop, and is not said at all when it is written ``ɽ``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ssmphony.data.corpora.espeak_phonemes import stressed_vowel
from ssmphony.text.vocabulary import BEGIN, CONSONANTS, PAD, PAUSES
from ssmphony.types import Tokens

_NASAL = "\u0303"
_FLAPS = {"ɽ": "r.", "ɽʱ": "r.h"}
_LETTERS = {"t̪": "t", "d̪": "d", "tʃ": "c", "dʒ": "ɟ", "ɦ": "h"}
_BREATH = "ʰʱ"


class Spelling(NamedTuple):
    """A sentence as the teacher reads it: its characters, and for each the index of the symbol that it spells.

    The blank between two words spells nothing: its index is -1.
    """

    characters: tuple[str, ...]
    owners: tuple[int, ...]


def spell(tokens: Tokens) -> Spelling:
    """The phones of a sentence, a blank between words, and its pauses."""
    characters: list[str] = []
    owners: list[int] = []

    def write(text: str, owner: int) -> None:
        characters.extend(text)
        owners.extend([owner] * len(text))

    place = 0
    for word in tokens.words:
        _write_pauses(tokens, place, word.first, write)
        if characters:
            write(" ", -1)
        phones = tokens.symbols[word.first : word.stop]
        stress = stressed_vowel(phones)
        for index, phone in enumerate(phones):
            if phone not in (PAD, BEGIN, *PAUSES):
                write(_spell_phone(phones, index, index == stress), word.first + index)
        place = word.stop
    _write_pauses(tokens, place, len(tokens.symbols), write)
    return Spelling(tuple(characters), tuple(owners))


def _write_pauses(tokens: Tokens, first: int, stop: int, write: Callable[[str, int], None]) -> None:
    for index in range(first, stop):
        if tokens.symbols[index] in PAUSES:
            write(tokens.symbols[index], index)


def _spell_phone(phones: Sequence[str], place: int, stressed: bool) -> str:
    """The phone at ``place`` of a word; ``stressed`` is its vowel."""
    phone = phones[place]
    before = phones[place - 1] if place else ""
    after = phones[place + 1] if place + 1 < len(phones) else ""
    if phone in _FLAPS:
        return _FLAPS[phone]
    if phone in CONSONANTS:
        return _consonant(phone, before, after, first=place == 0)
    low = _bare(phone) == "ɛ" and (after == "ɦ" or (before == "ɦ" and place >= 2 and phones[place - 2] == "ɛː"))
    return _vowel("ə" if low else phone, stressed, last=not after)  # बहन, पहले: espeak-ng writes the letters' vowel


def _consonant(phone: str, before: str, after: str, first: bool) -> str:
    if before in CONSONANTS and _bare(phone) == _bare(before) and phone != "tʃʰ":
        return "ː"  # the second half of a long consonant
    if after in CONSONANTS and _bare(phone) == _bare(after) and after[-1] in _BREATH:
        phone = after  # d̪d̪ʱ is dʰː, and tʃtʃʰ is cʰcʰ
    breath = "ʰ" if phone[-1] in _BREATH else ""
    core = phone[:-1] if breath else phone
    if core == "ʂ" and before == "k":
        core = "ʃ"
    held = "ː" if phone == "k" and after == "j" and first else ""  # क्या, क्यों
    return _decomposed(_LETTERS.get(core, core)) + breath + held


def _vowel(phone: str, stressed: bool, last: bool) -> str:
    core, nasal, long = _bare(phone), _NASAL in _decomposed(phone), phone.endswith("ː")
    if core == "ə" and stressed:
        core = "ʌ"
    if (core == "i" and (last or not stressed)) or (nasal and core != "e"):
        long = False
    return ("ˈ" if stressed else "") + core + (_NASAL if nasal else "") + ("ː" if long else "")


def _bare(phone: str) -> str:
    """Without breath, length and nasality."""
    return _decomposed(phone).rstrip(_BREATH).removesuffix("ː").replace(_NASAL, "")


def _decomposed(phone: str) -> str:
    return unicodedata.normalize("NFD", phone)
