"""Hindi word → phones: exceptions first, then spelling, schwa deletion and sound rules."""

from __future__ import annotations

from functools import lru_cache

from ssmphony.text.hindi import morphology, phonology, schwa, tables
from ssmphony.text.hindi.graphemes import VISARGA, Phone, spell

EXCEPTIONS = {row[0]: tuple(row[1].split()) for row in tables.rows("exceptions")}
NASAL_STEMS = {row[0]: row[1] for row in tables.rows("nasal_stems") if len(row) == 2}
NASAL_WORDS = {row[0]: row[1] for row in tables.rows("nasal_stems") if len(row) > 2}
NUKTA_STEMS = {row[0]: row[1] for row in tables.rows("nukta") if len(row) == 2}
NUKTA_WORDS = {row[0]: row[1] for row in tables.rows("nukta") if len(row) > 2}
_STEM_LENGTHS = sorted({len(stem) for stem in NASAL_STEMS})


@lru_cache(maxsize=20_000)
def phonemes(word: str) -> tuple[str, ...]:
    """Broad phonemes of one clean Devanagari word (see `unicode.clean`); empty when nothing in it sounds."""
    if word in EXCEPTIONS:
        return EXCEPTIONS[word]
    phones: list[Phone] = []
    parts = morphology.compound(_native_nasal(_with_nukta(word)))
    for part in parts[:-1]:
        phones += schwa.delete(spell(part), keep_final=morphology.keeps_joint(part))
    phones += schwa.delete(spell(parts[-1]), keep_last=morphology.keeps_stem(parts[-1]))
    phones = phonology.nasalise(phones)
    if phones:
        phonology.lengthen_final(phones)
        phonology.double_aspirates(phones)
    return tuple(phone.symbol for phone in phones)


@lru_cache(maxsize=20_000)
def phones(word: str) -> tuple[str, ...]:
    """`phonemes` with the sound rules that broad transcriptions leave out: what a voice speaks."""
    return phonology.front_before_h(phonemes(word), word.endswith(VISARGA))


def _native_nasal(word: str) -> str:
    if word in NASAL_WORDS:
        return NASAL_WORDS[word]
    for length in _STEM_LENGTHS:
        if word[:length] in NASAL_STEMS:
            return NASAL_STEMS[word[:length]] + word[length:]
    return word


def _with_nukta(word: str) -> str:
    """A loan word with the nukta that it is mostly written without (फिल्म, ज्यादा), in its inflected forms too."""
    if word in NUKTA_WORDS:
        return NUKTA_WORDS[word]
    for length in range(len(word), 1, -1):
        stem, ending = word[:length], word[length:]
        if stem in NUKTA_STEMS and (not ending or ending in morphology.ENDINGS):
            return NUKTA_STEMS[stem] + ending
    return word
