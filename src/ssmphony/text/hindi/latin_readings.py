"""How each word of a sentence may be read: as Hindi in Latin letters, as English between Hindi words, as a name, or
as part of running English; each with a cost, the negative logarithm of its being typed so.

The words alone are weighed here, with what else their place says (capitals, the script and the person of the sentence,
English phrases). `code_mixing` weighs how they follow each other. Nobody counts how English and Hindi mix in print: the
weights were set by hand, on sentences of ``benchmarks/text/roman_hindi_sets/public.tsv``.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from ssmphony.text.hindi import (
    english,
    latin,
    morphology,
    romanised,
    tables,
    transliteration,
    word_pairs,
)
from ssmphony.text.hindi.latin_sentence import LATIN, LONGEST_ACRONYM, Sentence, is_fixed
from ssmphony.text.hindi.word_pairs import EDGE, ENGLISH, NAME, NUMBER

RUNNING = "<x>"
"""The class of running English, which has no neighbours in Hindi text."""
_COMMON = {"10": 7.6, "20": 8.8}
_LEXICON, _INFLECTED, _UNKNOWN = 8.6, 9.6, 13.0
_FUNCTION_INSERT = 5.0
"""English pronouns and the like rarely stand between Hindi words."""
_GREETINGS = frozenset(("please", "thank", "hello", "hi"))
"""Which do."""
_KNOWN_NAME, _SOME_NAME = 8.0, 12.0
_CAPITAL = 2.5
_PHRASE = 6.0
_OTHER_SCRIPT = 5.0
"""Who writes Devanagari has little reason to write Hindi words in Latin letters."""
_CLASH = 3.2
"""A word that English has too is English, unless the table of short forms says what it is in Hindi."""
_CUE = 6.0
"""How far the words of `_cues` speak for a reading, and how far their absence speaks against it."""
_NEGATIONS = frozenset("nahi nahin nhi nai na".split())
_FIRST = 3.0
"""How far a verb in the first person speaks for मैं (main, mein, me)."""
_ENCLITICS = frozenset("ही भी का की के को ने से में तक".split())
"""Clitics and postpositions, which begin no sentence."""
_FREQUENT, _NEARLY = 10, 2.0
"""A Hindi word of such a frequency, spelled so, is no acronym."""
_FAMILIAR, _NEAR = 20, 2.5
"""A Hindi word of such a frequency, spelled so nearly, is not an unknown English one."""

_TOKEN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|\d[\d.,:]*|[\u0901-\u0903\u0905-\u0963\u0971-\u097f]+|[,;:!?()\"]|\S")


class Reading(NamedTuple):
    """How a word may be read: its class, or its first word as Hindi text has it, its cost, and the Hindi that is said.

    ``frequency`` is how often Hindi text has the word, None where `word_pairs` knows; ``last`` is what the next word
    follows.
    """

    token: str
    cost: float
    last: str
    hindi: str = ""
    frequency: float | None = None


class Piece(NamedTuple):
    """A word or mark of the sentence; ``typed`` is in lower case."""

    start: int
    end: int
    typed: str
    readings: tuple[Reading, ...]


def reading_of(token: str, cost: float = 0.0) -> Reading:
    """A class as a reading."""
    return Reading(token, cost, token)


@lru_cache(maxsize=5_000)
def _devanagari(word: str) -> tuple[Reading, ...]:
    """The only reading of a word in Devanagari."""
    return (reading_of(word),)


def _english(word: str) -> float | None:
    """The cost of a common English word in running text; None for any other."""
    return _function_words().get(word) or _COMMON.get(tables.row("english_common", word))


@cache
def _function_words() -> dict[str, float]:
    return {word: float(cost) / 10 for word, cost in tables.pairs("english_function_words").items()}


class _Cue(NamedTuple):
    """``only``: the reading is unlikely without its cues."""

    hindi: str
    after: frozenset[str]
    before: frozenset[str]
    only: bool


@cache
def _cues() -> dict[str, list[_Cue]]:
    found: dict[str, list[_Cue]] = {}
    for letters, hindi, after, before, *also in tables.rows("roman_cues"):
        cue = _Cue(hindi, frozenset(after.split()), frozenset(before.split()), not also)
        for word in letters.split():
            found.setdefault(word, []).append(cue)
    return found


@cache
def _fixed_phrases() -> dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """Greetings and the like in Latin letters, word for word, by their first word."""
    found: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for typed, hindi in tables.pairs("roman_phrases").items():
        words = tuple(typed.split())
        found.setdefault(words[0], []).append((words, tuple(hindi.split())))
    return found


@cache
def _phrases() -> dict[str, frozenset[str]]:
    return {word: frozenset(after.split()) for word, after in tables.pairs("english_phrases").items()}


def _is_initialism(word: str) -> bool:
    """Whether small letters are an acronym, and no frequent word of Hindi that is spelled so."""
    if word not in latin.initialisms() or word in romanised.short_forms():
        return False
    return not any(one.cost < _NEARLY and one.frequency >= _FREQUENT for one in romanised.candidates(word))


@lru_cache(maxsize=5_000)
def english_cost(word: str) -> float:
    """How unlikely a lower-case word is in English, as a negative logarithm."""
    known = _english(word)
    if known is not None:
        return known
    if word in english.words() or _is_initialism(word):
        return _LEXICON
    if "'" in word or english.inflected(word) or english.compound(word):
        return _INFLECTED
    return _UNKNOWN + max(-2.0, min(4.0, 0.7 * transliteration.indian_score(word)))


_TYPED = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_FIXED = (reading_of(ENGLISH), reading_of(RUNNING, 3.0))
_MARK = (reading_of(EDGE), reading_of(RUNNING, 1.5))
_FIGURES = (reading_of(NUMBER), reading_of(RUNNING, 5.0))


def may_hold_hindi(text: str) -> bool:
    """Whether a word of the text, by itself, may be Hindi in Latin letters: a quick look before `pieces`."""
    typed = _TYPED.findall(text)
    native = 2 * len(typed) <= len(text.split()) and any(letter >= "\u0900" for letter in text)
    return any(_may_be_hindi(word, len(typed) > 2, native) for word in typed)


@lru_cache(maxsize=5_000)
def _may_be_hindi(written: str, shouted: bool, native: bool) -> bool:
    """Whether letters have a Hindi reading; ``shouted``: the sentence may be all in capitals; ``native``: most of it
    is in Devanagari."""
    if written.isupper() and not shouted and 1 < len(written) < LONGEST_ACRONYM:
        return False
    if written[1:] != written[1:].lower() and not written.isupper():
        return False
    word = written.lower().replace("’", "'")
    return not (native and _only_english(word)) and bool(romanised.candidates(word))


@lru_cache(maxsize=5_000)
def _only_english(word: str) -> bool:
    """Whether a word among Devanagari is the common English one: no frequent Hindi word is spelled like it."""
    if _english(word) is None and word not in english.words():
        return False
    return word not in romanised.short_forms() and not romanised.spells_frequent(word, _FAMILIAR)


def pieces(text: str) -> list[Piece]:
    """The words, numbers and marks of a sentence with their possible readings."""
    matches = list(_TOKEN.finditer(text))
    sentence = Sentence.of(text, matches)
    found = [Piece(*match.span(), match[0].lower(), _readings(place, sentence)) for place, match in enumerate(matches)]
    for place, word in enumerate(sentence.words):
        for typed, hindi in _fixed_phrases().get(word, ()):
            if tuple(sentence.words[place : place + len(typed)]) == typed:
                for at, spoken in enumerate(hindi, place):
                    found[at] = found[at]._replace(readings=(Reading(spoken, 0.0, spoken, spoken),))
    return found


def _readings(place: int, sentence: Sentence) -> tuple[Reading, ...]:
    match = sentence.matches[place]
    written = match[0]
    if "\u0900" <= written[0] <= "\u097f":
        return _devanagari(written)
    if written[0].isdigit():
        return _FIGURES
    if not LATIN.match(written):
        return _MARK
    initialism = sentence.native >= 0.5 and sentence.words[place] in latin.initialisms()
    if (initialism and _english(sentence.words[place]) is None) or is_fixed(place, sentence):  # hr विभाग
        return _FIXED
    return _latin(place, sentence)


def _latin(place: int, sentence: Sentence) -> tuple[Reading, ...]:
    """The possible readings of a word in Latin letters."""
    word = sentence.words[place]
    capital = _CAPITAL if sentence.capitals and place and sentence.matches[place][0][0].isupper() else 0.0
    phrase = _in_phrase(place, sentence)
    cost = english_cost(word)
    rare = word in _function_words() and word not in _GREETINGS
    insert = cost + (_FUNCTION_INSERT if rare else 0.0 if phrase else _clash(word)) - phrase
    name = latin.indian_words().get(word)
    hindi: list[Reading] = []
    if (len(sentence.words) > 1 or cost >= _INFLECTED) and not (sentence.native >= 0.5 and _only_english(word)):
        script = _OTHER_SCRIPT * min(1.0, 2 * sentence.native) * (cost < _UNKNOWN - 2)
        first = not place or not sentence.words[place - 1][0].isalnum()
        for reading in _hindi(word, name, sentence.first_person):
            odd = (
                (_CAPITAL * (reading.hindi != name) if capital else 0.0)
                + (_FIRST if first and reading.hindi in _ENCLITICS else 0.0)
                + _by_cues(reading.hindi, place, sentence)
            )
            hindi.append(reading._replace(cost=reading.cost + script + odd))
    unknown = cost > _INFLECTED
    familiar = unknown and any((reading.frequency or 0) > _FAMILIAR and reading.cost < _NEAR for reading in hindi)
    readings = [reading_of(ENGLISH, insert), reading_of(RUNNING, cost - phrase + (_FIRST if familiar else 0.0)), *hindi]
    if unknown:
        known = name is not None and not any(reading.hindi == name for reading in hindi)
        readings.append(reading_of(NAME, (_KNOWN_NAME if known else _SOME_NAME) - capital))
    return tuple(readings)


def _by_cues(hindi: str, place: int, sentence: Sentence) -> float:
    """What the words around it add to the cost of a Hindi word, of those that `_cues` knows."""
    words, cost = sentence.words, 0.0
    for cue in _cues().get(words[place], ()):
        if cue.hindi != hindi:
            continue
        earlier = [word for word in words[:place] if word not in _NEGATIONS]
        near = words[place + 1 : place + 2], earlier[-1:]
        if cue.after.intersection(near[0]) or cue.before.intersection(near[1]):
            cost -= _CUE
        elif cue.only:
            cost += _CUE
    return cost


def _in_phrase(place: int, sentence: Sentence) -> float:
    """What speaks for English in a word that stands in an English phrase (main gate)."""
    words = ("", *sentence.words, "")
    before, word, after = words[place : place + 3]
    if after in _phrases().get(word, ()):
        return 0.0 if word == "main" and sentence.first_person else _PHRASE
    return _PHRASE / 2 if word in _phrases().get(before, ()) else 0.0


def _clash(word: str) -> float:
    """What speaks against an English word that is mostly Hindi between Hindi words: sun सुन, rat रात."""
    return _CLASH if any(short.cost < 0.3 for short in romanised.short_form(word)) else 0.0


@lru_cache(maxsize=5_000)
def _hindi(word: str, name: str | None, first_person: bool) -> tuple[Reading, ...]:
    """The Hindi words that were perhaps meant, with how often texts have them."""
    readings: list[Reading] = []
    clash = 0.0 if word in romanised.short_forms() else _CLASH if english_cost(word) < _INFLECTED else 0.0
    for found in romanised.candidates(word)[:6]:
        is_name = name is not None and morphology.bare(found.word) == morphology.bare(name)
        hindi = name if name and is_name else found.word
        first, *_, last = (*found.word.split(), *found.word.split()[-1:])
        frequency = found.frequency or word_pairs.frequency_of(first)
        cost = (min(found.cost, 0.7) if is_name else found.cost) + clash
        cost -= _FIRST if first_person and found.word == "मैं" else 0.0
        readings.append(Reading(first, cost, last, hindi, frequency))
    return tuple(readings)
