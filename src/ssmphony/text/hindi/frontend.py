"""The Hindi frontend: text → sentences of phoneme ids."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from ssmphony.config import Config
from ssmphony.interfaces import Frontend
from ssmphony.text import inputs, vocabulary
from ssmphony.text.hindi import clauses, speech, spell_out
from ssmphony.text.hindi.context import ReadingStyle
from ssmphony.text.hindi.lexicon import Lexicon
from ssmphony.text.hindi.normaliser import ABBREVIATIONS
from ssmphony.text.hindi.say_as import say_as
from ssmphony.text.pauses import pause_after
from ssmphony.types import Tokens, Word

LETTERS: tuple[str, ...] = (" ", *map(chr, (*range(0x0901, 0x094E), *range(0x0958, 0x0960))))
"""A space and the letters and signs of Devanagari."""


class HindiFrontendConfig(Config):
    """``max_tokens``: sentences of more tokens are cut at clauses. ``lexicon``: a TSV file, see `lexicon`.
    ``reading``: where good readers differ."""

    kind: Literal["hindi"] = "hindi"
    max_tokens: int = Field(default=240, ge=8)
    lexicon: Path | None = None
    reading: ReadingStyle = ReadingStyle()

    def build(self) -> HindiFrontend:
        """Raises `SsmphonyError` where the lexicon cannot be read."""
        return HindiFrontend(self)


class HindiFrontend(Frontend):
    """Sentences begin with ``^`` and end with one of ``. ? !``, or with ``,`` where an over-long one was cut.

    ``lexicon``: entries that win over those of the config.
    """

    language = "hi"
    stop = "।"
    pause = vocabulary.COMMA
    phones = (*vocabulary.VOWELS, *vocabulary.CONSONANTS)
    letters = LETTERS
    abbreviations = ABBREVIATIONS

    def __init__(self, config: HindiFrontendConfig | None = None, lexicon: Lexicon | None = None) -> None:
        self.config = config or HindiFrontendConfig()
        own = Lexicon.load(self.config.lexicon) if self.config.lexicon else None
        self.lexicon = own | lexicon if own and lexicon else own or lexicon

    @property
    def symbols(self) -> tuple[str, ...]:
        return vocabulary.SYMBOLS

    def with_lexicon(self, lexicon: Lexicon) -> HindiFrontend:
        other = copy.copy(self)
        other.lexicon = self.lexicon | lexicon if self.lexicon else lexicon
        return other

    def spoken_text(self, text: str) -> str:
        return spell_out(speech.speak(text, self.lexicon, self.config.reading))

    def sentences(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        return inputs.sentences(text, self._plain, say_as)

    def _plain(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        for sentence in speech.speak(text, self.lexicon, self.config.reading):
            if sentence.words:
                yield from self._clauses(sentence)

    def _clauses(self, sentence: speech.SpokenSentence) -> Iterator[Tokens]:
        """The sentence, or its clauses where it is too long for one piece."""
        source = sentence.source
        pieces = clauses.cut(sentence.words, self.config.max_tokens - 2)
        start = source.start
        for number, words in enumerate(pieces):
            if number < len(pieces) - 1:
                end, mark, pause_s = pieces[number + 1][0].start, vocabulary.COMMA, 0.0
            else:
                end = source.end
                mark = source.mark if source.mark in vocabulary.PAUSES else "."
                pause_s = pause_after(source)
            written = source.text[start - source.start : end - source.start].rstrip()
            yield _tokens(words, mark, written, start, pause_s)
            start = end


def _tokens(words: Iterable[speech.Word], mark: str, text: str, start: int, pause_s: float) -> Tokens:
    symbols = [vocabulary.BEGIN]
    spans: list[Word] = []
    for word in words:
        first = len(symbols)
        symbols.extend(word.sounds)
        spans.append(Word(word.text, first, len(symbols), word.start, word.end))
        if word.pause:
            symbols.append(vocabulary.COMMA)
    if symbols[-1] == vocabulary.COMMA:
        symbols.pop()
    symbols.append(mark)
    return Tokens(vocabulary.encode(symbols), tuple(symbols), tuple(spans), text, start, start + len(text), pause_s)
