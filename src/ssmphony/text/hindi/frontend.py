"""The Hindi frontend: text → sentences of phoneme ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import Field

from ssmphony.config import Config
from ssmphony.interfaces import Frontend
from ssmphony.text import ssml, vocabulary
from ssmphony.text.hindi import clauses
from ssmphony.text.hindi.speech import SpokenSentence, SpokenWord, speak
from ssmphony.types import Tokens, Word

PAUSE_S = {".": 0.25, "…": 0.35, "?": 0.3, "!": 0.3, ",": 0.0, "": 0.25}
"""Silence behind a closing mark; nothing behind a clause of a cut sentence."""
LINE_PAUSE_S = 0.5
"""Silence behind a sentence that ends a line, which in Hindi text ends a paragraph or a heading."""


class HindiFrontendConfig(Config):
    """``max_tokens``: sentences of more tokens are cut at clauses."""

    kind: Literal["hindi"] = "hindi"
    max_tokens: int = Field(default=240, ge=8)

    def build(self) -> HindiFrontend:
        return HindiFrontend(self)


class HindiFrontend(Frontend):
    """Sentences begin with ``^`` and end with one of ``. ? !``, or with ``,`` where an over-long one was cut."""

    def __init__(self, config: HindiFrontendConfig | None = None) -> None:
        self.config = config or HindiFrontendConfig()

    @property
    def symbols(self) -> tuple[str, ...]:
        return vocabulary.SYMBOLS

    def sentences(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        return ssml.sentences(text, self._plain, lambda text, kind, form: text)

    def _plain(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        for sentence in speak(text):
            if sentence.words:
                yield from self._clauses(sentence)

    def _clauses(self, sentence: SpokenSentence) -> Iterator[Tokens]:
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
                pause_s = max(PAUSE_S[source.mark], LINE_PAUSE_S if source.line_end else 0.0)
            written = source.text[start - source.start : end - source.start].rstrip()
            yield _tokens(words, mark, written, start, pause_s)
            start = end


def _tokens(words: Iterable[SpokenWord], mark: str, text: str, start: int, pause_s: float) -> Tokens:
    symbols = [vocabulary.BEGIN]
    spans: list[Word] = []
    for word in words:
        first = len(symbols)
        symbols.extend(word.phones)
        spans.append(Word(word.text, first, len(symbols), word.start, word.end))
        if word.pause:
            symbols.append(vocabulary.COMMA)
    if symbols[-1] == vocabulary.COMMA:
        symbols.pop()
    symbols.append(mark)
    return Tokens(vocabulary.encode(symbols), tuple(symbols), tuple(spans), text, start, start + len(text), pause_s)
