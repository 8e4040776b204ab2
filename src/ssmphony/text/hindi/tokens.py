"""Hindi text → sentences of phoneme ids. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ssmphony.text import inputs, vocabulary
from ssmphony.text.hindi import clauses, speech
from ssmphony.text.hindi.context import ReadingStyle
from ssmphony.text.hindi.lexicon import Lexicon
from ssmphony.text.hindi.say_as import say_as
from ssmphony.text.pauses import pause_after
from ssmphony.tokens import Tokens, Word

MAX_TOKENS = 240
"""Tokens of the longest sentence that is not cut, unless a voice asks for fewer."""


def sentences(
    text: str | Iterable[str],
    lexicon: Lexicon | None = None,
    style: ReadingStyle | None = None,
    max_tokens: int = MAX_TOKENS,
) -> Iterator[Tokens]:
    """The sentences of plain text or SSML, as soon as their end is certain; silent ones are left out.

    They begin with ``^`` and end with one of ``. ? !``, or with ``,`` where one of more than ``max_tokens`` was cut at
    its clauses. ``lexicon`` and ``style`` are those of `speech.speak`. Raises `SsmphonyError` for faults in SSML.
    """

    def plain(written: str | Iterable[str]) -> Iterator[Tokens]:
        for sentence in speech.speak(written, lexicon, style):
            if sentence.words:
                yield from _clauses(sentence, max_tokens)

    return inputs.sentences(text, plain, say_as)


def _clauses(sentence: speech.SpokenSentence, max_tokens: int) -> Iterator[Tokens]:
    """The sentence, or its clauses where it is too long for one piece."""
    source = sentence.source
    pieces = clauses.cut(sentence.words, max_tokens - 2)
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
