"""How each word of a sentence may be read: as Hindi in Latin letters, as English between Hindi words, as a name, or
as part of running English; each with a cost, the negative logarithm of its being typed so.

The words alone are weighed here, with what else their place says (capitals, the script and the person of the sentence,
English phrases). `code_mixing` weighs how they follow each other. Nobody counts how English and Hindi mix in print: the
weights were set by hand, on sentences of ``benchmarks/roman_hindi_sets/public.tsv``.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import NamedTuple

from ssmphony.text.hindi import (
    arithmetic,
    english,
    latin,
    measures,
    morphology,
    roman,
    romanised,
    tables,
    transliteration,
    word_pairs,
)
from ssmphony.text.hindi.word_pairs import EDGE, ENGLISH, NAME, NUMBER

RUNNING = "<x>"
"""The class of running English, which has no neighbours in Hindi text."""
_COMMON = {"10": 7.6, "20": 8.8}
_LEXICON, _INFLECTED, _UNKNOWN = 8.6, 9.6, 13.0
_FUNCTION_INSERT = 5.0
"""English pronouns and the like rarely stand between Hindi words."""
_KNOWN_NAME, _SOME_NAME = 8.0, 12.0
_CAPITAL = 2.5
_PHRASE = 6.0
_OTHER_SCRIPT = 5.0
"""Who writes Devanagari has little reason to write Hindi words in Latin letters."""
_CLASH = 3.2
"""A word that English has too is English, unless the table of short forms says what it is in Hindi."""
_FIRST = 3.0
"""How far a verb in the first person speaks for मैं (main, mein, me)."""
_ENCLITICS = frozenset("ही भी का की के को ने से में तक".split())
"""Clitics and postpositions, which begin no sentence."""
_FREQUENT, _NEARLY = 10, 2.0
"""A Hindi word of such a frequency, spelled so, is no acronym."""
_FAMILIAR, _NEAR = 20, 2.5
"""A Hindi word of such a frequency, spelled so nearly, is not an unknown English one."""

_TOKEN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|\d[\d.,:]*|[\u0901-\u0903\u0905-\u0963\u0971-\u097f]+|[,;:!?()\"]|\S")
LATIN = re.compile("[A-Za-z]")
_CHUNK = re.compile(r"(?!.*[A-Za-z]\.[A-Za-z])[(\"'“‘\[]*[A-Za-z][A-Za-z'’/,;:!?.…\"”)\]।॥–—-]*")
"""What stands between blanks where a word may be Hindi: letters and marks, and no address, unit or code."""
_DIGIT_BEFORE = re.compile(r"\d\s*\Z")
_SQUARE = frozenset("sq square cu cubic fl".split())
_FORMULA = frozenset("<>=+×÷^√²³⁴⁺⁻ⁿ≤≥≠∩∪∈∝→⇒")
"""A short word next to one of these is a variable."""
_LONGEST_VARIABLE = 3
_LETTER_PART = re.compile(r"(?<![A-Za-z-])[A-Za-z]-[A-Za-z]|[A-Za-z]-[A-Za-z](?![A-Za-z-])")
_MONTHS = frozenset("jan feb apr aug sept oct nov dec".split())
_DAY = re.compile("[12]?[0-9]|3[01]")
_HINDI_TOO = frozenset("ka ma pa va dal dam hm kl mn mt".split())
"""Units that are frequent words of Hindi in Latin letters."""
_PER_UNIT = re.compile(r"[kmcnμ]?[gml]/(?:[a-z]{1,4})[²³]?[).,]?")
_UNDER = re.compile(r"/(?:\d|\(|[A-Za-z](?![A-Za-z])|d[a-z](?![A-Za-z]))")
_OVER = re.compile(r"(?:[\d)]|(?<![A-Za-z])[A-Za-z]|(?<![A-Za-z])d[a-z])/\Z")
_LABEL = re.compile("[ivx]+|[a-z]")
_REACH = 60
"""So far to either side the characters between blanks are looked at."""


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


@cache
def _english() -> dict[str, float]:
    """The costs of common English words in running text."""
    common = {row[0]: _COMMON[row[1]] for row in tables.rows("english_common")}
    return common | {row[0]: float(row[1]) / 10 for row in tables.rows("english_function_words")}


@cache
def _function_words() -> frozenset[str]:
    return frozenset(row[0] for row in tables.rows("english_function_words")) - {"please", "thank", "hello", "hi"}


@cache
def _phrases() -> dict[str, frozenset[str]]:
    return {row[0]: frozenset(row[1].split()) for row in tables.rows("english_phrases")}


def _is_initialism(word: str) -> bool:
    """Whether small letters are an acronym, and no frequent word of Hindi that is spelled so."""
    if word not in latin.initialisms() or word in romanised.short_forms():
        return False
    return not any(one.cost < _NEARLY and one.frequency >= _FREQUENT for one in romanised.candidates(word))


@lru_cache(maxsize=20_000)
def english_cost(word: str) -> float:
    """How unlikely a lower-case word is in English, as a negative logarithm."""
    known = _english().get(word)
    if known is not None:
        return known
    if word in english.words() or _is_initialism(word):
        return _LEXICON
    if "'" in word or english.inflected(word) or english.compound(word):
        return _INFLECTED
    return _UNKNOWN + max(-2.0, min(4.0, 0.7 * transliteration.indian_score(word)))


_TYPED = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?")
_LONGEST_ACRONYM = 6
_LOUD = 3.4
"""Words of capitals that are longer than this on average are no acronyms."""
_FIRST_PERSON = re.compile("h(?:u|oo)n?|hnu|[a-z]+(?:u|oo)n?g[ai]|[a-z]+(?:aun|aoon|aau)")
_FIXED = (reading_of(ENGLISH), reading_of(RUNNING, 3.0))
_MARK = (reading_of(EDGE), reading_of(RUNNING, 1.5))
_FIGURES = (reading_of(NUMBER), reading_of(RUNNING, 5.0))


def may_hold_hindi(text: str) -> bool:
    """Whether a word of the text, by itself, may be Hindi in Latin letters: a quick look before `pieces`."""
    typed = _TYPED.findall(text)
    return any(_may_be_hindi(word, len(typed) > 2) for word in typed)


@lru_cache(maxsize=20_000)
def _may_be_hindi(written: str, shouted: bool) -> bool:
    """Whether letters have a Hindi reading; ``shouted``: a sentence may be all in capitals."""
    if written.isupper() and not shouted and 1 < len(written) < _LONGEST_ACRONYM:
        return False
    if written[1:] != written[1:].lower() and not written.isupper():
        return False
    return bool(romanised.candidates(written.lower().replace("’", "'")))


def pieces(text: str) -> list[Piece]:
    """The words, numbers and marks of a sentence with their possible readings."""
    matches = list(_TOKEN.finditer(text))
    sentence = _Sentence.of(text, matches)
    return [Piece(*match.span(), match[0].lower(), _readings(place, sentence)) for place, match in enumerate(matches)]


class _Sentence(NamedTuple):
    """What the whole sentence says about each of its words."""

    text: str
    matches: list[re.Match[str]]
    words: list[str]
    """Its tokens in lower case."""
    capitals: bool
    """Whether a capital says something: not in a title or a text of capitals."""
    shouted: bool
    """Whether all is in capitals."""
    native: float
    """The share of Devanagari among its words."""
    first_person: bool
    """Whether a verb says I."""

    @classmethod
    def of(cls, text: str, matches: list[re.Match[str]]) -> _Sentence:
        words = [match[0] for match in matches]
        typed = [word for word in words if LATIN.match(word)]
        devanagari = sum("\u0900" <= word[0] <= "\u097f" for word in words)
        shouted = len(typed) > 2 and "".join(typed).isupper() and sum(map(len, typed)) > _LOUD * len(typed)
        titled = len(typed) > 1 and sum(word[0].isupper() for word in typed) > 0.6 * len(typed)
        lower = [word.lower().replace("’", "'") for word in words]
        first_person = any(_FIRST_PERSON.fullmatch(word) for word in lower)
        share = devanagari / max(1, devanagari + len(typed))
        return cls(text, matches, lower, not (shouted or titled), shouted, share, first_person)


def _readings(place: int, sentence: _Sentence) -> tuple[Reading, ...]:
    match = sentence.matches[place]
    written = match[0]
    if written[0].isdigit():
        return _FIGURES
    if "\u0900" <= written[0] <= "\u097f":
        return _devanagari(written)
    if not LATIN.match(written):
        return _MARK
    if _fixed(place, sentence):
        return _FIXED
    return _latin(place, sentence)


def _fixed(place: int, sentence: _Sentence) -> bool:
    """Whether other readers have this word: addresses, units, abbreviations, acronyms, letters."""
    match, words = sentence.matches[place], sentence.words
    text, word, written = sentence.text, words[place], match[0]
    if written[1:] != written[1:].lower() and not written.isupper():
        return True  # LoC, WhatsApp
    capitals = written.isupper() and not sentence.shouted and written != "I"
    if capitals and len(written) < _LONGEST_ACRONYM:
        return True
    if (words[place - 1 : place] or [""])[0] + " " + word in _set_phrases():
        return True
    if sentence.native >= 0.5 and (len(word) == 1 or (word in latin.initialisms() and word not in _english())):
        return True  # विकल्प b, hr विभाग
    if (words[place + 1 : place + 2] or [""])[0] in latin.initialism_before().get(word, ()):
        return True  # FIR दर्ज, HR team
    if word in _functions() and _function().match(text, match.start()):
        return True  # log x
    if (
        _is_variable(word, text, match)
        or _in_quotient(text, match)
        or (place and _is_unit_or_numeral(words[place - 1], written))
    ):
        return True
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    if (after == "." and word in _dotted()) or (word == "ve" and text[: match.start()].rstrip()[-1:] in tuple("+-−")):
        return True
    start, stop = _chunk(text, *match.span())
    whole = text[start:stop].lower()
    if whole in _set_phrases() or _PER_UNIT.fullmatch(whole):
        return True
    if not _CHUNK.fullmatch(text, start, stop) or (
        "/" in text[start:stop] and _DIGIT_BEFORE.search(text, max(0, start - 3), start)
    ):
        return True
    if _LETTER_PART.search(text, start, stop) or (after and after in ")'’" and _LABEL.fullmatch(word)):
        return True  # X-ray, s', (ii)
    if written in _calendar() and _near_figures(place, words):
        return True
    if word in _MONTHS and place and _DAY.fullmatch(words[place - 1]):
        return True  # 26 jan
    if capitals:
        return False
    return "-" in (before, after) and re.sub("[^a-z]", "", whole) in english.words()


def _is_unit_or_numeral(previous: str, written: str) -> bool:
    """Whether the token before a word makes it a unit (5 km, 5 sq km, 5 km per hour) or a numeral (भाग ii)."""
    word = written.lower()
    if previous[0].isdigit():
        return (word in _units() and written not in _HINDI_TOO) or word in _SQUARE or len(word) == 1
    unit = previous in _SQUARE or (previous in _units() and word == "per")
    return unit or bool(_LABEL.fullmatch(word) and roman.names_part(previous))


def _is_variable(word: str, text: str, match: re.Match[str]) -> bool:
    """Whether a short word has a sign of a formula next to it."""
    before, after = text[max(0, match.start() - 2) : match.start()], text[match.end() : match.end() + 2]
    if after[:1] == "!" and word in "nkrm" and before.strip()[-1:] in "=×*/(+÷−-":
        return True
    return len(word) < _LONGEST_VARIABLE and not _FORMULA.isdisjoint((before.strip()[-1:], after.strip()[:1]))


def _in_quotient(text: str, match: re.Match[str]) -> bool:
    """Whether a stroke joins it with another letter, number or bracket: x/y, 2x/3, c/o, dy/dx, (a+b)/c."""
    return bool(
        match.end() - match.start() < _LONGEST_VARIABLE
        and (_UNDER.match(text, match.end()) or _OVER.search(text[max(0, match.start() - 4) : match.start()]))
    )


def _chunk(text: str, start: int, stop: int) -> tuple[int, int]:
    """What stands between blanks around a word, as far as it matters."""
    left = text[max(0, start - _REACH) : start]
    right = text[stop : stop + _REACH]
    before = 0 if left[-1:].isspace() else len((left.split() or [""])[-1])
    after = 0 if right[:1].isspace() else len((right.split(maxsplit=1) or [""])[0])
    return start - before, stop + after


@cache
def _calendar() -> frozenset[str]:
    """Names of days and months in English, as they are written."""
    return frozenset(name for table in ("weekdays", "months") for row in tables.rows(table) for name in row[2].split())


def _near_figures(place: int, words: list[str]) -> bool:
    """Whether a number or another name of a calendar is next, perhaps after a mark."""
    near = [words[at] for at in (place - 1, place - 2, place + 1, place + 2) if 0 <= at < len(words)]
    return any(word[0].isdigit() or word.capitalize() in _calendar() for word in near)


@cache
def _dotted() -> frozenset[str]:
    return frozenset(row[0] for row in (*tables.rows("abbreviations"), *tables.rows("number_abbreviations")))


@cache
def _set_phrases() -> frozenset[str]:
    """Expressions that the normaliser reads as a whole."""
    return frozenset(row[0] for row in tables.rows("set_phrases"))


@cache
def _functions() -> frozenset[str]:
    return frozenset(row[0] for row in tables.rows("functions"))


@cache
def _function() -> re.Pattern[str]:
    return re.compile(arithmetic.FUNCTION)


@cache
def _units() -> frozenset[str]:
    counted = {row[0] for row in tables.rows("number_abbreviations") if row[2] == "after"}
    scales = {row[0].lower() for row in tables.rows("scales")}
    return frozenset(name.lower() for name in measures.UNITS) | counted | scales | {"am", "pm", "to"}


def _latin(place: int, sentence: _Sentence) -> tuple[Reading, ...]:
    """The possible readings of a word in Latin letters."""
    word = sentence.words[place]
    capital = _CAPITAL if sentence.capitals and place and sentence.matches[place][0][0].isupper() else 0.0
    phrase = _in_phrase(place, sentence)
    cost = english_cost(word)
    insert = cost + (_FUNCTION_INSERT if word in _function_words() else 0.0 if phrase else _clash(word)) - phrase
    name = latin.indian_words().get(word)
    hindi: list[Reading] = []
    if len(sentence.words) > 1 or cost >= _INFLECTED:
        script = _OTHER_SCRIPT * min(1.0, 2 * sentence.native) * (cost < _UNKNOWN - 2)
        first = not place or not sentence.words[place - 1][0].isalnum()
        for reading in _hindi(word, name, sentence.first_person):
            odd = (_CAPITAL * (reading.hindi != name) if capital else 0.0) + (
                _FIRST if first and reading.hindi in _ENCLITICS else 0.0
            )
            hindi.append(reading._replace(cost=reading.cost + script + odd))
    unknown = cost > _INFLECTED
    familiar = unknown and any((reading.frequency or 0) > _FAMILIAR and reading.cost < _NEAR for reading in hindi)
    readings = [reading_of(ENGLISH, insert), reading_of(RUNNING, cost - phrase + (_FIRST if familiar else 0.0)), *hindi]
    if unknown:
        known = name is not None and not any(reading.hindi == name for reading in hindi)
        readings.append(reading_of(NAME, (_KNOWN_NAME if known else _SOME_NAME) - capital))
    return tuple(readings)


def _in_phrase(place: int, sentence: _Sentence) -> float:
    """What speaks for English in a word that stands in an English phrase (main gate)."""
    words = ("", *sentence.words, "")
    before, word, after = words[place : place + 3]
    if after in _phrases().get(word, ()):
        return 0.0 if word == "main" and sentence.first_person else _PHRASE
    return _PHRASE / 2 if word in _phrases().get(before, ()) else 0.0


def _clash(word: str) -> float:
    """What speaks against an English word that is mostly Hindi between Hindi words: sun सुन, rat रात."""
    return _CLASH if any(short.cost < 0.3 for short in romanised.short_forms().get(word, ())) else 0.0


@lru_cache(maxsize=20_000)
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
