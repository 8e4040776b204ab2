"""Hindi word → phones: exceptions first, then spelling, schwa deletion and sound rules."""

from __future__ import annotations

import re
from functools import lru_cache

from ssmphony.text.hindi import morphology, phonology, schwa, tables
from ssmphony.text.hindi.graphemes import NUKTA, SIGNS, VIRAMA, VISARGA, Phone, spell

EXCEPTIONS = {row[0]: tuple(row[1].split()) for row in tables.rows("exceptions")}
_NASALS = [(*row, "")[:3] for row in tables.rows("nasal_stems")]
NASAL_WORDS = {written: spoken for written, spoken, scope in _NASALS if scope == "word"}
NASAL_STEMS = {written: spoken for written, spoken, scope in _NASALS if scope != "word"}
BROAD_STEMS = {written: spoken for written, spoken, scope in _NASALS if scope == "broad"}
NUKTA_STEMS = {row[0]: row[1] for row in tables.rows("nukta") if len(row) == 2}
NUKTA_WORDS = {row[0]: row[1] for row in tables.rows("nukta") if len(row) > 2}
_UNMARKED = frozenset("फज")
_MARKED = re.compile(f"[फज]{NUKTA}")
_PREFIXES = frozenset("हम ना बे गैर कम".split())
_NO_SECOND = frozenset("काजी तेज वर्जन".split())
"""What a compound ends with that is another word than the one with a nukta: काम|काजी."""
_FOREIGN_Z = re.compile(
    f"(?<=ाइ)ज(?=ेशन|ेबल|िंग|्ड|र?\\Z)|(?<=...ी)(?<!ती)ज(?=\\Z)|(?<=ि)ज(?=्म)|(?<=न्यू)ज(?!{NUKTA})"
    "|(?<=..बा)ज(?=(?:ी|ों|ि(?:याँ|यां|यों))?\\Z)|(?<=..)ज(?=ाद(?:ा|े|ी|ों)\\Z)"
)
"""The English endings -ize, -ies and -ism, न्यूज, and the Persian ones of निशानेबाज and शहजादा."""
_FOREIGN_F = re.compile(
    f"फ(?=ॉ|्[रलटसतज]|्यू)|(?<=[लरन]्)फ(?!{NUKTA})|(?<=ग्रा)फ(?!{NUKTA})|फ(?=ोबिया)|(?<=[िी])फ(?=ा[ईइय])|(?<=..)फ(?=ोन(?:ों|ें|स)?\\Z)"
)
"""Next to what native words do not have it: फॉलोऑन, फ्रांस, गोल्फ, योटाफोन, क्वालीफाई."""
_LETTERS = "|".join(sorted((name.replace(NUKTA, "") for name in tables.pairs("letter_names").values()), key=len))
_ABBREVIATED = re.compile(f"(?:{_LETTERS}){{2,}}")
"""The names of Latin letters in a row: पीएफ."""
_F_OR_Z = re.compile("(?<=ए)फ|ज(?=ेड(?![ा-्]))")
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
    return _known_with_nukta(word) or _completed(word) or _joined_with_nukta(word) or _foreign(word)


def _known_with_nukta(word: str) -> str:
    if word in NUKTA_WORDS:
        return NUKTA_WORDS[word]
    for length in range(len(word), 1, -1):
        stem, ending = word[:length], word[length:]
        if stem in NUKTA_STEMS and (not ending or ending in morphology.ENDINGS):
            return NUKTA_STEMS[stem] + ending
    return ""


def _completed(word: str) -> str:
    """A word of which only some nuktas are written: हिफाज़त."""
    spoken = _known_with_nukta(word.replace(NUKTA, "")) if NUKTA in word else ""
    return spoken if spoken and _marked(word) <= _marked(spoken) else ""


def _marked(word: str) -> set[int]:
    """Which letters have a nukta, counted without nuktas."""
    parts = word.split(NUKTA)
    return {sum(map(len, parts[:count])) for count in range(1, len(parts))}


def _joined_with_nukta(word: str) -> str:
    """A compound whose second word has the nukta of फ़ or ज़ (सेलफोन, हमसफर), or its first that of फ़ (अफसरशाही)."""
    if NUKTA in word or _UNMARKED.isdisjoint(word):
        return ""
    for place in range(2, len(word) - 2):
        first, second = word[:place], word[place:]
        if second[0] in SIGNS or second[0] == VIRAMA or first[-1] == VIRAMA or second in _NO_SECOND:
            continue
        spoken = NUKTA_STEMS.get(second) or NUKTA_WORDS.get(second, "")
        if spoken and _MARKED.search(spoken) and (first in _PREFIXES or (place > 2 and first in morphology.words())):
            return _with_f(first) + spoken
        if len(second) > 3 and second in morphology.words() and (spoken := _with_f(first)) != first:
            return spoken + second
    return ""


def _foreign(word: str) -> str:
    """A word that its spelling shows to be of English, or of letters."""
    marked = _FOREIGN_F.sub("फ" + NUKTA, _FOREIGN_Z.sub("ज" + NUKTA, word))
    return _F_OR_Z.sub(rf"\g<0>{NUKTA}", marked) if _ABBREVIATED.fullmatch(word) else marked


def _with_f(word: str) -> str:
    """A word with the nukta of फ़, if it has one."""
    spoken = NUKTA_STEMS.get(word, word)
    return spoken if "फ" + NUKTA in spoken else word


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
