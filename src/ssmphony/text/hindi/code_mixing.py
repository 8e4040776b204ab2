"""Hindi in Latin letters among English: which words of a sentence are which, and what the Hindi ones are.

A sentence is Hindi with English words in it, or English, or one after the other. Three kinds of states are weighed
by Viterbi's algorithm: Hindi words (`romanised.candidates`), English words and names inside Hindi, and running
English. Hindi words, and the classes English, name and number, follow each other as in ``romanised_pairs.tsv``, with
absolute discounting; what texts cannot teach, the weights of running English and of switching, stands below.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from typing import NamedTuple

from ssmphony.text.hindi import english, latin, measures, romanised, tables, transliteration
from ssmphony.text.hindi.unicode import Cleaned

EDGE, ENGLISH, NAME, NUMBER, ANY = "<s>", "<e>", "<n>", "<d>", "<all>"
_RUNNING = "<x>"
"""Running English, which has no neighbours in Hindi text."""
_DISCOUNT = 0.6
_ENTER, _LEAVE = 5.0, 3.0
"""What it costs to begin and to end running English inside a sentence."""
_BEGIN = 2.0
_COMMON = {"10": 7.6, "20": 8.8}
_LEXICON, _INFLECTED, _UNKNOWN = 8.6, 9.6, 12.5
_FUNCTION_INSERT = 5.0
"""English pronouns and the like seldom stand alone in Hindi."""
_KNOWN_NAME, _SOME_NAME = 8.0, 11.0
_CAPITAL = 2.5
_PHRASE = 6.0
_OTHER_SCRIPT = 5.0
"""Who writes Devanagari has little reason to write Hindi words in Latin letters."""
_CLASH = 2.5
"""A word that English has too is English, unless the table of short forms says what it is in Hindi."""
_FIRST = 3.0
"""How far a verb in the first person speaks for मैं (main, mein, me)."""
_LANGUAGE = 0.9

_TOKEN = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)?|\d[\d.,:]*|[\u0901-\u0903\u0905-\u0963\u0971-\u097f]+|[,;:!?()\"]|\S")
_LATIN = re.compile("[A-Za-z]")
_CHUNK = re.compile(r"(?!.*[A-Za-z]\.[A-Za-z])[(\"'“‘\[]*[A-Za-z][A-Za-z'’/,;:!?.…\"”)\]।॥–—-]*")
"""What stands between blanks where a word may be Hindi: letters and marks, and no address, unit or code."""
_DIGIT_BEFORE = re.compile(r"\d\s*\Z")
_REACH = 60
_FORMULA = frozenset("=+×÷^√²³⁴⁺⁻≤≥≠∩∪∈")
"""A short word beside one of these is a variable."""
_LONGEST_VARIABLE = 3
"""So far to either side the characters between blanks are looked at."""


class Reading(NamedTuple):
    """A way to read a word: its class, or its first word as Hindi text has it, its cost, and the Hindi that is said.

    ``frequency`` is how often Hindi text has the word; ``last`` is what the next word follows.
    """

    token: str
    cost: float
    last: str
    hindi: str = ""
    frequency: float = 0.0


class Piece(NamedTuple):
    """A word or mark of the sentence; ``typed`` is in lower case."""

    start: int
    end: int
    typed: str
    readings: tuple[Reading, ...]


def _class(token: str, cost: float = 0.0) -> Reading:
    return Reading(token, cost, token)


_END = Piece(0, 0, "", (_class(EDGE),))


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


@cache
def _pairs() -> dict[str, str]:
    return dict(row.split("\t", 1) for row in tables.lines("romanised_pairs"))


@lru_cache(maxsize=5_000)
def _followers(word: str) -> tuple[float, dict[str, int]]:
    """How often a word stands in texts, and its neighbours."""
    row = _pairs().get(word)
    if row is None:
        return 0.0, {}
    count, *cells = row.split("\t")
    return float(count), dict(zip(cells[::2], map(int, cells[1::2]), strict=True))


def ending(word: str) -> str:
    """The class of words that end alike, for words too rare to know their neighbours."""
    return f"-{word[-2:]}"


@lru_cache(maxsize=50_000)
def _follow(before: str, word: str, frequency: float) -> float:
    """The cost of a word (or class) after another: of the pair, else of what follows words that end alike."""
    if word.startswith("<"):
        frequency = _followers(word)[0]
    share = (frequency + 0.3) / float(_pairs()[ANY])
    for history in (before,) if before.startswith("<") else (ending(before), before):
        total, followers = _followers(history)
        if total:
            kept = sum(followers.values()) - _DISCOUNT * len(followers)
            seen = max(followers.get(word, 0) - _DISCOUNT, 0.0)
            share = (seen + max(total - kept, 0.05 * total) * share) / total
    return -math.log(share)


@lru_cache(maxsize=20_000)
def english_cost(word: str) -> float:
    """How unlikely a lower-case word is in English, as a negative logarithm."""
    known = _english().get(word)
    if known is not None:
        return known
    if word in english.words():
        return _LEXICON
    if "'" in word or english.inflected(word) or english.compound(word):
        return _INFLECTED
    return _UNKNOWN + max(-2.0, min(4.0, 0.7 * transliteration.indian_score(word)))


def rewrite(cleaned: Cleaned) -> Cleaned:
    """The text with its Hindi words in Devanagari, each of their letters tied to the whole word that was typed."""
    if not _LATIN.search(cleaned.text):
        return cleaned
    found = hindi_words(cleaned.text)
    if not found:
        return cleaned
    text, starts, ends, place = "", list[int](), list[int](), 0
    for start, end, hindi in (*found, (len(cleaned.text), len(cleaned.text), "")):
        text += cleaned.text[place:start] + hindi
        starts += cleaned.starts[place:start]
        ends += cleaned.ends[place:start]
        if hindi:
            span = cleaned.span(start, end)
            starts += [span[0]] * len(hindi)
            ends += [span[1]] * len(hindi)
        place = end
    return Cleaned(text, tuple(starts), tuple(ends))


def hindi_words(text: str) -> list[tuple[int, int, str]]:
    """Where in a sentence Hindi is typed in Latin letters, and what is meant.

    >>> hindi_words("main office me hoon")
    [(0, 4, 'मैं'), (12, 14, 'में'), (15, 19, 'हूँ')]
    """
    pieces = _pieces(text)
    return [
        (piece.start, piece.end, reading.hindi)
        for piece, reading in zip(pieces, _best(pieces), strict=True)
        if reading.hindi
    ]


def _best(pieces: list[Piece]) -> list[Reading]:
    """The cheapest reading of each piece (Viterbi)."""
    layers: list[list[tuple[float, int]]] = []
    before = [_class(EDGE)]
    costs = [0.0]
    for piece in (*pieces, _END):
        layer: list[tuple[float, int]] = []
        for reading in piece.readings:
            ways = [cost + _step(last, reading) for cost, last in zip(costs, before, strict=True)]
            cheapest = min(ways)
            layer.append((cheapest + reading.cost, ways.index(cheapest)))
        layers.append(layer)
        before, costs = list(piece.readings), [cost for cost, _ in layer]
    best: list[Reading] = []
    place = 0
    for piece, layer in zip((*reversed(pieces), None), reversed(layers), strict=True):
        place = layer[place][1]
        if piece:
            best.append(piece.readings[place])
    return best[::-1]


def _step(before: Reading, reading: Reading) -> float:
    if reading.token == _RUNNING:
        return 0.0 if before.token == _RUNNING else _BEGIN if before.token == EDGE else _ENTER
    if before.token == _RUNNING:
        return 0.0 if reading.token == EDGE else _LEAVE + _LANGUAGE * _follow(ENGLISH, reading.token, reading.frequency)
    return _LANGUAGE * _follow(before.last, reading.token, reading.frequency)


def _pieces(text: str) -> list[Piece]:
    """The words, numbers and marks of a sentence with the ways to read them."""
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
        typed = [word for word in words if _LATIN.match(word)]
        devanagari = sum("\u0900" <= word[0] <= "\u097f" for word in words)
        shouted = len(typed) > 2 and "".join(typed).isupper() and sum(map(len, typed)) > _LOUD * len(typed)
        titled = len(typed) > 1 and sum(word[0].isupper() for word in typed) > 0.6 * len(typed)
        lower = [word.lower().replace("’", "'") for word in words]
        first_person = any(_FIRST_PERSON.fullmatch(word) for word in lower)
        share = devanagari / max(1, devanagari + len(typed))
        return cls(text, matches, lower, not (shouted or titled), shouted, share, first_person)


_LOUD = 3.4
"""Words of capitals that are longer than this on average are no acronyms."""
_FIRST_PERSON = re.compile("h(?:u|oo)n?|hnu|[a-z]+(?:u|oo)n?g[ai]|[a-z]+(?:aun|aoon|aau)")
_FIXED = (_class(ENGLISH), _class(_RUNNING, 3.0))
_MARK = (_class(EDGE), _class(_RUNNING, 0.0))
_FIGURES = (_class(NUMBER), _class(_RUNNING, 5.0))


def _readings(place: int, sentence: _Sentence) -> tuple[Reading, ...]:
    match = sentence.matches[place]
    written = match[0]
    if written[0].isdigit():
        return _FIGURES
    if "\u0900" <= written[0] <= "\u097f":
        return (Reading(written, 0.0, written, frequency=_followers(written)[0]),)
    if not _LATIN.match(written):
        return _MARK
    if _fixed(place, sentence):
        return _FIXED
    return _latin(place, sentence)


def _fixed(place: int, sentence: _Sentence) -> bool:
    """Whether other readers have this word: addresses, units, abbreviations, acronyms, letters."""
    match, words = sentence.matches[place], sentence.words
    text, word = sentence.text, words[place]
    start, stop = _chunk(text, *match.span())
    if not _CHUNK.fullmatch(text, start, stop) or (
        "/" in text[start:stop] and _DIGIT_BEFORE.search(text, max(0, start - 3), start)
    ):
        return True
    before, behind = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    around = (
        text[max(0, match.start() - 2) : match.start()].strip()[-1:],
        text[match.end() : match.end() + 2].strip()[:1],
    )
    if (len(word) < _LONGEST_VARIABLE and _FORMULA.intersection(around)) or (
        word == "ve" and before and before in "+-−"
    ):
        return True
    if behind == "." and word in _dotted():
        return True
    if place and words[place - 1][0].isdigit() and (word in _units() or len(word) == 1):
        return True
    written = match[0]
    if written.isupper() and not sentence.shouted:
        return len(written) < 6 and written != "I"
    return "-" in (before, behind) and re.sub("[^a-z]", "", text[start:stop].lower()) in english.words()


def _chunk(text: str, start: int, stop: int) -> tuple[int, int]:
    """What stands between blanks around a word, as far as it matters."""
    left = text[max(0, start - _REACH) : start]
    right = text[stop : stop + _REACH]
    return start - len(re.split(r"\s", left)[-1]), stop + len(re.split(r"\s", right)[0])


@cache
def _dotted() -> frozenset[str]:
    return frozenset(row[0] for row in (*tables.rows("abbreviations"), *tables.rows("number_abbreviations")))


@cache
def _units() -> frozenset[str]:
    return frozenset(name.lower() for name in measures.UNITS) | {"am", "pm", "to"}


def _latin(place: int, sentence: _Sentence) -> tuple[Reading, ...]:
    """The ways to read a word of Latin letters."""
    word = sentence.words[place]
    capital = sentence.capitals and place > 0 and sentence.matches[place][0][0].isupper()
    behind = sentence.words[place + 1] if place + 1 < len(sentence.words) else ""
    phrase = _PHRASE if behind in _phrases().get(word, ()) and not (word == "main" and sentence.first_person) else 0.0
    cost = english_cost(word)
    insert = cost + (_FUNCTION_INSERT if word in _function_words() else _clash(word)) - phrase
    name = latin.indian_words().get(word)
    readings = [_class(ENGLISH, insert), _class(_RUNNING, cost - phrase)]
    alone = len(sentence.words) == 1 and cost < _INFLECTED
    if not alone:
        script = _OTHER_SCRIPT * sentence.native * (cost < _UNKNOWN)
        readings += (
            reading._replace(cost=reading.cost + script + (_CAPITAL if capital and reading.hindi != name else 0.0))
            for reading in _hindi(word, name, sentence.first_person)
        )
    if cost >= _UNKNOWN - 2:
        known = name is not None and not any(reading.hindi == name for reading in readings)
        readings.append(_class(NAME, (_KNOWN_NAME if known else _SOME_NAME) - (_CAPITAL if capital else 0.0)))
    return tuple(readings)


def _clash(word: str) -> float:
    """What speaks against an English word that is mostly Hindi between Hindi words: sun सुन, rat रात."""
    return _CLASH if any(short.cost < 0.3 for short in romanised.short_forms().get(word, ())) else 0.0


@lru_cache(maxsize=20_000)
def _hindi(word: str, name: str | None, first_person: bool) -> tuple[Reading, ...]:
    """The Hindi words that were perhaps meant, with how often texts have them."""
    readings: list[Reading] = []
    clash = 0.0 if word in romanised.short_forms() else _CLASH if english_cost(word) < _INFLECTED else 0.0
    for found in romanised.candidates(word)[:6]:
        first, *_, last = (*found.word.split(), *found.word.split()[-1:])
        frequency = found.frequency or _followers(first)[0]
        cost = (min(found.cost, 0.7) if found.word == name else found.cost) + clash
        cost -= _FIRST if first_person and found.word == "मैं" else 0.0
        readings.append(Reading(first, cost, last, found.word, frequency))
    return tuple(readings)
