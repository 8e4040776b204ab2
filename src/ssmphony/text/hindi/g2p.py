"""Hindi word → phones: exceptions first, then spelling, schwa deletion and sound rules."""

from __future__ import annotations

from functools import lru_cache

from ssmphony.text.hindi import morphology, phonology, schwa, tables
from ssmphony.text.hindi.graphemes import VISARGA, Phone, spell

EXCEPTIONS = {row[0]: tuple(row[1].split()) for row in tables.rows("exceptions")}
_NASALS = [(*row, "")[:3] for row in tables.rows("nasal_stems")]
NASAL_WORDS = {written: spoken for written, spoken, scope in _NASALS if scope == "word"}
NASAL_STEMS = {written: spoken for written, spoken, scope in _NASALS if scope != "word"}
BROAD_STEMS = {written: spoken for written, spoken, scope in _NASALS if scope == "broad"}
NUKTA_STEMS = {row[0]: row[1] for row in tables.rows("nukta") if len(row) == 2}
NUKTA_WORDS = {row[0]: row[1] for row in tables.rows("nukta") if len(row) > 2}
_STEM_LENGTHS = sorted({len(stem) for stem in NASAL_STEMS})


@lru_cache(maxsize=20_000)
def phonemes(word: str) -> tuple[str, ...]:
    """Broad phonemes of one clean Devanagari word (see `unicode.clean`); empty when nothing in it sounds.

    They follow the spelling as dictionaries do: an anusvara before a stop is a nasal consonant, आंख aːŋkʰ.
    """
    return EXCEPTIONS.get(word) or tuple(phone.symbol for phone in _pronounce(respell(word)))


@lru_cache(maxsize=20_000)
def sounds(word: str) -> tuple[str, ...]:
    """What a voice speaks: `phonemes` with native nasal vowels (आंख ãːkʰ) and the vowels next to ɦ (कहना kɛːɦnaː)."""
    spelled = with_nukta(word)
    narrow = _with_native_nasal(spelled, NASAL_STEMS)
    if word in EXCEPTIONS or narrow == _with_native_nasal(spelled, BROAD_STEMS):  # most words: already found
        symbols = phonemes(word)
    else:
        symbols = tuple(phone.symbol for phone in _pronounce(narrow))
    return phonology.front_before_h(symbols, word.endswith(VISARGA))


def with_nukta(word: str) -> str:
    """A loan word with the nukta that it is mostly written without (फिल्म, ज्यादा), in its inflected forms too."""
    if word in NUKTA_WORDS:
        return NUKTA_WORDS[word]
    for length in range(len(word), 1, -1):
        stem, ending = word[:length], word[length:]
        if stem in NUKTA_STEMS and (not ending or ending in morphology.ENDINGS):
            return NUKTA_STEMS[stem] + ending
    return word


def respell(word: str) -> str:
    """The word as `phonemes` reads it: with its nuktas and the nasal vowels that dictionaries write too."""
    return _with_native_nasal(with_nukta(word), BROAD_STEMS)


def _with_native_nasal(word: str, stems: dict[str, str]) -> str:
    if stems is NASAL_STEMS and word in NASAL_WORDS:
        return NASAL_WORDS[word]
    for length in _STEM_LENGTHS:
        if word[:length] in stems:
            return stems[word[:length]] + word[length:]
    return word


def _pronounce(word: str) -> list[Phone]:
    return phonology.join(schwa.delete(spell(word), word))
