"""The byte frontend: text → sentences of UTF-8 bytes, for models that read the writing itself.

Token 0 is padding, 1 begins a sentence, 2 ends it, and 3 + b is the byte b. `decode` gives back the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from ssmphony.config import Config, choose
from ssmphony.errors import NOTHING_TO_SPEAK
from ssmphony.interfaces import Frontend
from ssmphony.text import inputs, sentences
from ssmphony.text.pauses import pause_after
from ssmphony.types import SsmphonyError, Tokens, Word

PAD, BEGIN, END = "_", "^", "$"
SYMBOLS: tuple[str, ...] = (PAD, BEGIN, END, *(f"{byte:02x}" for byte in range(256)))
_FIRST_BYTE = SYMBOLS.index("00")
_CHUNK = re.compile(r"\S+")


class ByteFrontendConfig(Config):
    """Settings of `ByteFrontend`."""

    kind: Literal["bytes"] = "bytes"
    max_tokens: int = Field(default=1024, ge=16)
    """Sentences of more tokens are cut at spaces."""
    language: str = ""
    """The kind of another frontend, such as ``hindi``: after the abbreviations of its language a dot does not end a
    sentence. Empty: texts of any language are read."""
    spelled_out: bool = False
    """Whether the frontend of ``language`` spells out what is spoken in other words than it is written: numbers,
    abbreviations, words of other scripts. For models that have learned from sentences of words alone."""

    @model_validator(mode="after")
    def _speller(self) -> ByteFrontendConfig:
        if self.spelled_out and not self.language:
            raise ValueError("spelled_out needs a language, whose frontend spells out")
        return self

    def build(self) -> ByteFrontend:
        return ByteFrontend(self)


class ByteFrontend(Frontend):
    """Every sentence with a letter, a digit or a symbol in it; only blanks between sentences are left out."""

    def __init__(self, config: ByteFrontendConfig | None = None) -> None:
        self.config = config or ByteFrontendConfig()
        self._sister = _frontend(self.config.language)
        if self._sister is not None:
            self.language, self.stop = self._sister.language, self._sister.stop
            self.abbreviations = self._sister.abbreviations

    @property
    def symbols(self) -> tuple[str, ...]:
        return SYMBOLS

    def sentences(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        """Of plain text, or of an SSML document, whose markup is not read aloud; nor are its phones, which are no
        writing."""
        return inputs.sentences(text, self._plain, self.say_as, phones=False)

    def _plain(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        for sentence in sentences.cut(text, self.abbreviations):
            if any(map(_sounds, sentence.text)):
                yield from self._pieces(sentence)

    def whole(self, text: str) -> Tokens:
        """The bytes of ``text`` as one sentence, however long."""
        if not any(map(_sounds, text)):
            raise SsmphonyError(NOTHING_TO_SPEAK)
        written = self._written(text)
        return _tokens(written, 0, len(written.text), text, 0, 0.0)

    def say_as(self, text: str, kind: str, form: str = "") -> str:
        return self._sister.say_as(text, kind, form) if self._sister is not None else text

    def spoken_text(self, text: str) -> str:
        return self._sister.spoken_text(text) if self._sister is not None else text

    def _pieces(self, sentence: sentences.Sentence) -> Iterator[Tokens]:
        """The sentence, or pieces of it where it has too many bytes."""
        written = self._written(sentence.text)
        text = written.text
        start, length = 0, len(text)
        while start < length:
            stop = _stop(text, start, self.config.max_tokens - 2)
            whole = stop
            while start < whole < length and written.places[whole][0] < written.places[whole - 1][1]:
                whole -= 1  # not within what stands for one word
            stop = whole if whole > start else stop
            after = stop
            while after < length and text[after].isspace():
                after += 1
            pause_s = pause_after(sentence) if after == length else 0.0
            yield _tokens(written, start, stop, sentence.text, sentence.start, pause_s)
            start = after

    def _written(self, text: str) -> _Written:
        """A sentence as its bytes are read."""
        if not self.config.spelled_out or self._sister is None:
            return _as_it_is(text)
        parts: list[str] = []
        places: list[tuple[int, int]] = []
        reached = 0
        for start, stop, spoken in [*self._sister.spoken_words(text), (len(text), len(text), "")]:
            between = text[reached:start]
            same = spoken == text[start:stop]
            parts += [between, spoken]
            places += [(at, at + 1) for at in range(reached, start)]
            places += [(start + at, start + at + 1) if same else (start, stop) for at in range(len(spoken))]
            reached = stop
        return _Written("".join(parts), tuple(places))


class _Written(NamedTuple):
    """The text whose bytes are read, and where each of its characters comes from."""

    text: str
    places: Sequence[tuple[int, int]]


def _as_it_is(text: str) -> _Written:
    return _Written(text, [(at, at + 1) for at in range(len(text))])


def _frontend(kind: str) -> Frontend | None:
    """The frontend whose language is read."""
    if not kind:
        return None
    from ssmphony.text.registry import FRONTENDS  # which knows this module

    config: Any = choose(FRONTENDS, kind, "language of the bytes frontend")
    return config().build()


def encode(text: str) -> tuple[int, ...]:
    """Ids of the bytes of ``text``; a lone surrogate, which UTF-8 has no place for, as the three bytes of its code.

    >>> encode("हा")
    (227, 167, 188, 227, 167, 193)
    """
    return tuple(byte + _FIRST_BYTE for byte in text.encode("utf-8", "surrogatepass"))


def decode(ids: Iterable[int]) -> str:
    """The text of ids; what is no byte is passed over. Raises `UnicodeDecodeError` where the bytes are no UTF-8."""
    return bytes(number - _FIRST_BYTE for number in ids if number >= _FIRST_BYTE).decode("utf-8", "surrogatepass")


def tokenise(text: str) -> Tokens:
    """A whole text as one sentence, however long."""
    return _tokens(_as_it_is(text), 0, len(text), text, 0, 0.0)


def _size(character: str) -> int:
    code = ord(character)
    return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)


def _stop(text: str, start: int, limit: int) -> int:
    """Where a piece of at most ``limit`` bytes ends: the end, the last space, else before a letter and its marks."""
    size, stop, space = 0, start, 0
    while stop < len(text):
        size += _size(text[stop])
        if size > limit:
            break
        stop += 1
        if stop < len(text) and text[stop].isspace() and not text[stop - 1].isspace():
            space = stop
    else:
        return stop
    if space > start:
        return space
    letter = stop
    while letter > start and unicodedata.category(text[letter])[0] == "M":
        letter -= 1
    return letter if letter > start else stop


def _sounds(character: str) -> bool:
    """Whether a character may be spoken: a letter, mark, digit or symbol, not punctuation, blank or control."""
    return unicodedata.category(character)[0] in "LMNS"


def _tokens(written: _Written, start: int, stop: int, source: str, shift: int, pause_s: float) -> Tokens:
    """Those of a part of what is written for ``source``, which begins at ``shift`` of the caller's text."""
    text, places = written.text[start:stop], written.places[start:stop]
    ids = (SYMBOLS.index(BEGIN), *encode(text), SYMBOLS.index(END))
    symbols = tuple(SYMBOLS[number] for number in ids)
    first, last = (places[0][0], places[-1][1]) if places else (0, 0)
    words = tuple(_words(text, places, source, shift))
    return Tokens(ids, symbols, words, source[first:last], shift + first, shift + last, pause_s)


def _words(text: str, places: Sequence[tuple[int, int]], source: str, shift: int) -> Iterator[Word]:
    """What stands between blanks, without the punctuation around it; words that are written as one are one."""
    reached, size, before = 0, 1, None
    for chunk in _CHUNK.finditer(text):
        first, stop = chunk.span()
        while first < stop and not _sounds(text[first]):
            first += 1
        while stop > first and not _sounds(text[stop - 1]):
            stop -= 1
        if first == stop:
            continue
        begin = size + sum(map(_size, text[reached:first]))
        size = begin + sum(map(_size, text[first:stop]))
        reached = stop
        start, end = places[first][0], places[stop - 1][1]
        if before is not None and start < before.end - shift:
            start = before.start - shift
            before = replace(before, text=source[start:end], stop=size, end=shift + end)
            continue
        if before is not None:
            yield before
        before = Word(source[start:end], begin, size, shift + start, shift + end)
    if before is not None:
        yield before
