"""A sentence of Hindi text → its words with their phones and their places in the text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ssmphony.text import sentences
from ssmphony.text.hindi import g2p, homographs, inline, spans
from ssmphony.text.hindi.lexicon import Found, Lexicon, Pronunciation
from ssmphony.text.hindi.normaliser import ABBREVIATIONS, Reading, ReadingStyle, read

_MARKUP = "*_=~^|<>+`"
"""Signs of emphasis and ornament."""


class Word(NamedTuple):
    """A written word (``text``, from ``start`` to ``end`` in the caller's text) and how it is spoken.

    ``spoken`` are the Devanagari words that say it, ``phones`` their phones as dictionaries write them; those of
    ``spoken[i]`` end at ``stops[i]``. ``sounds`` is what a voice says, with the sound rules that dictionaries leave
    out (कहना: kəɦnaː, said kɛːɦnaː). ``pause`` tells that a clause ends after it.
    """

    text: str
    start: int
    end: int
    spoken: tuple[str, ...]
    phones: tuple[str, ...]
    stops: tuple[int, ...]
    sounds: tuple[str, ...]
    pause: bool = False

    @property
    def ipa(self) -> str:
        """The phones in one string of IPA."""
        return "".join(self.phones)

    @property
    def spoken_phones(self) -> tuple[tuple[str, ...], ...]:
        """The phones of each word of ``spoken``."""
        return tuple(self.phones[start:stop] for start, stop in zip((0, *self.stops), self.stops, strict=False))

    @property
    def spoken_ipa(self) -> tuple[str, ...]:
        """The IPA of each word of ``spoken``."""
        return tuple("".join(phones) for phones in self.spoken_phones)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """(start, stop) in the caller's text for each phone.

        The phones of a number, a Latin word or an abbreviation share the whole of what is written.
        """
        letters = spans.of_phones(self.text, self.spoken, self.phones)
        return tuple((self.start + start, self.start + stop) for start, stop in letters)


@dataclass(frozen=True)
class SpokenSentence:
    """A sentence and its words; no words where nothing in it can be spoken."""

    source: sentences.Sentence
    words: tuple[Word, ...]

    @property
    def silent(self) -> tuple[str, ...]:
        """What of the text has no sound though it might: letters, digits and symbols outside every word."""
        left = list(self.source.text)
        for word in self.words:
            span = slice(word.start - self.source.start, word.end - self.source.start)
            left[span] = " " * len(left[span])
        kept = (
            letter if unicodedata.category(letter)[0] in "LNS" and letter not in _MARKUP else " " for letter in left
        )
        return tuple("".join(kept).split())


def speak(
    text: str | Iterable[str], lexicon: Lexicon | None = None, style: ReadingStyle | None = None
) -> Iterator[SpokenSentence]:
    """Sentences of ``text`` as soon as their end is certain, silent ones included.

    ``lexicon`` wins over every rule and table, phones in ``[[…]]`` over the lexicon. ``style`` says how to read where
    good readers differ.
    """
    abbreviations = ABBREVIATIONS
    if lexicon is not None and lexicon.dotted:
        abbreviations = replace(ABBREVIATIONS, words=lexicon.dotted.union(ABBREVIATIONS.words))
    for sentence in inline.cut(text, abbreviations):
        yield SpokenSentence(sentence, _words(sentence, lexicon, style))


def _words(sentence: sentences.Sentence, lexicon: Lexicon | None, style: ReadingStyle | None) -> tuple[Word, ...]:
    given = _given(sentence.text, lexicon)
    readings = read(sentence.text, style)
    if given:
        readings = _around(sentence.text, readings, given, style)
    fixed = {found.start: found.said for found in given}
    spoken = [word for reading in readings for word in reading.words]
    words: list[Word] = []
    said_before = 0
    for place, reading in enumerate(readings):
        if not reading.words:
            continue
        said: list[Pronunciation] = [fixed[reading.start]] if reading.start in fixed else []
        if not said:
            reached = range(said_before, said_before + len(reading.words))
            said = [homographs.choose(spoken, number) or Pronunciation((spoken[number],)) for number in reached]
        said_before += len(reading.words)
        pause = place + 1 < len(readings) and bool(readings[place + 1].pause)
        word = _word(sentence, reading, said, pause)
        if word.phones:
            words.append(word)
    return tuple(words)


def _word(sentence: sentences.Sentence, reading: Reading, said: Sequence[Pronunciation], pause: bool) -> Word:
    written = sentence.text[reading.start : reading.end]
    start, end = sentence.start + reading.start, sentence.start + reading.end
    if len(said) == 1 and len(said[0].words) == 1:  # most words: nothing to join
        words, given = said[0]
        dictionary = given or g2p.phonemes(words[0])
        return Word(written, start, end, words, dictionary, (len(dictionary),), given or g2p.sounds(words[0]), pause)
    spoken: list[str] = []
    phones: list[str] = []
    sounds: list[str] = []
    stops: list[int] = []
    for pronunciation in said:
        for word in pronunciation.words:
            phones += pronunciation.phones or g2p.phonemes(word)
            sounds += pronunciation.phones or g2p.sounds(word)
            spoken.append(word)
            stops.append(len(phones))
    return Word(written, start, end, tuple(spoken), tuple(phones), tuple(stops), tuple(sounds), pause)


def _given(text: str, lexicon: Lexicon | None) -> list[Found]:
    """What the text itself and the lexicon say, in order; the text wins where they overlap."""
    given = list(inline.find(text)) if "[[" in text else []
    if lexicon is not None:
        free = [
            found
            for found in lexicon.find(text)
            if all(found.end <= other.start or other.end <= found.start for other in given)
        ]
        given = sorted([*given, *free])
    return given


def _around(
    text: str, readings: Sequence[Reading], given: Sequence[Found], style: ReadingStyle | None
) -> list[Reading]:
    """The readings with those of ``given`` in their places.

    Where a reading reaches into a given stretch (₹ 5 where 5 is given), what is left of it is read anew.
    """
    merged: list[Reading] = []
    place = 0
    for found in (*given, None):
        stop = len(text) if found is None else found.start
        between = [reading for reading in readings if reading.start < stop and reading.end > place]
        if any(reading.start < place or reading.end > stop for reading in between):
            between = [
                reading._replace(start=reading.start + place, end=reading.end + place)
                for reading in read(text[place:stop], style)
            ]
        merged += between
        if found is not None:
            merged.append(Reading(found.start, found.end, found.said.words))
            place = found.end
    return merged
