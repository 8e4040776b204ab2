"""Whole texts in phonemes: words of IPA with spaces between them and punctuation after them, written and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ssmphony.errors import SsmphonyError
from ssmphony.text import notation, vocabulary
from ssmphony.tokens import Tokens

_GROUP = 60
"""Phones between one pair of brackets, which hold 300 characters."""
_CHUNK = re.compile(r"\S+")
_MARKS = ",;.?!।॥…—–-"
_SHOWN = 40


def spell(sentences: Iterable[Tokens], text: str = "") -> str:
    """What a voice of phonemes speaks for ``sentences``; `to_text` reads it back.

    A word that is written together, a number for example, is one word here, too. With their source ``text``, a
    sentence that ends a line ends one here.
    """
    parts: list[str] = []
    end: int | None = None
    for sentence in sentences:
        if not len(sentence):
            continue
        if end is not None:
            parts.append("\n" if "\n" in text[end : sentence.start] else " ")
        parts.append("".join(_spelled(sentence)))
        end = sentence.end
    return "".join(parts)


def _spelled(sentence: Tokens) -> Iterator[str]:
    begins = {word.first for word in sentence.words if word.first < word.stop}
    for number, symbol in enumerate(sentence.symbols):
        if symbol == vocabulary.BEGIN:
            continue
        if number in begins and number > 1:
            yield " "
        yield symbol


def to_text(phonemes: str) -> str:
    """A text of which every word stands in phones, ``[[…]]``: a voice says it in just these.

    Phones are in IPA or in the ASCII notation, those of a word without spaces between them. Marks of punctuation end
    clauses and sentences where they stand at the end of a word. Raises `SsmphonyError` that names the symbol and its
    place.

    >>> to_text("nəməst̪eː, d̪ʊnɪjaː.")
    '[[nəməst̪eː]], [[d̪ʊnɪjaː]].'
    """
    parts: list[str] = []
    end = 0
    for match in _CHUNK.finditer(phonemes):
        if parts:
            parts.append("\n" if "\n" in phonemes[end : match.start()] else " ")
        end = match.end()
        word = match[0].rstrip(_MARKS)
        parts += (bracket(word, match.start()), match[0][len(word) :])
    return "".join(parts)


def bracket(word: str, start: int = 0) -> str:
    """The phones of one word as text that a frontend reads; ``start`` is its place, for the error."""
    if not word:
        return ""  # a mark that stands alone
    try:
        phones = notation.parse(word)
    except notation.NotationError as error:
        symbol, place = (error.symbol, error.place) if error.symbol else (word[0], 0)
        message = f"character {start + place + 1}: '{symbol}' in '{word:.{_SHOWN}}' is not a phone"
        raise SsmphonyError(f"{message}: take those of docs/text.md, in IPA or ASCII") from None
    groups = (phones[i : i + _GROUP] for i in range(0, len(phones), _GROUP))
    return "".join(f"[[{notation.to_ipa(group)}]]" for group in groups)
