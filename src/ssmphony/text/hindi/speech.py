"""A sentence of Hindi text → its words with their phones and their places in the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ssmphony.text import sentences
from ssmphony.text.hindi import g2p
from ssmphony.text.hindi.normaliser import ABBREVIATIONS, read


@dataclass(frozen=True)
class SpokenWord:
    """A written word (``text``, from ``start`` to ``end`` in the caller's text) and how it is spoken.

    ``spoken`` are the Devanagari words that say it, ``phones`` their phones; ``pause`` tells that a clause ends
    behind it.
    """

    text: str
    start: int
    end: int
    spoken: tuple[str, ...]
    phones: tuple[str, ...]
    pause: bool = False

    @property
    def ipa(self) -> str:
        """The phones in one string of IPA."""
        return "".join(self.phones)


@dataclass(frozen=True)
class SpokenSentence:
    """A sentence and its words; no words where nothing in it can be spoken."""

    source: sentences.Sentence
    words: tuple[SpokenWord, ...]


def speak(text: str | Iterable[str]) -> Iterator[SpokenSentence]:
    """Sentences of ``text`` as soon as their end is certain, silent ones included."""
    for sentence in sentences.cut(text, ABBREVIATIONS):
        yield SpokenSentence(sentence, _words(sentence))


def _words(sentence: sentences.Sentence) -> tuple[SpokenWord, ...]:
    words: list[SpokenWord] = []
    readings = read(sentence.text)
    for place, reading in enumerate(readings):
        phones = tuple(phone for word in reading.words for phone in g2p.phones(word))
        if not phones:
            continue
        pause = place + 1 < len(readings) and bool(readings[place + 1].pause)
        written = sentence.text[reading.start : reading.end]
        start, end = sentence.start + reading.start, sentence.start + reading.end
        words.append(SpokenWord(written, start, end, reading.words, phones, pause))
    return tuple(words)
