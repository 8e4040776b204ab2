"""The Hindi frontend and its settings; the work is done in `ssmphony.text.hindi.tokens`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from ssmphony.config import Config
from ssmphony.interfaces import Frontend
from ssmphony.text import vocabulary
from ssmphony.text.hindi import say_as, speech, spell_out
from ssmphony.text.hindi import tokens as token_sentences
from ssmphony.text.hindi.context import ReadingStyle
from ssmphony.text.hindi.lexicon import Lexicon
from ssmphony.text.hindi.normaliser import ABBREVIATIONS
from ssmphony.tokens import Tokens

LETTERS: tuple[str, ...] = (" ", *map(chr, (*range(0x0901, 0x094E), *range(0x0958, 0x0960))))
"""A space and the letters and signs of Devanagari."""


class HindiFrontendConfig(Config):
    """``max_tokens``: sentences of more tokens are cut at clauses. ``lexicon``: a TSV file, see `lexicon`.
    ``reading``: where good readers differ."""

    kind: Literal["hindi"] = "hindi"
    max_tokens: int = Field(default=token_sentences.MAX_TOKENS, ge=8)
    lexicon: Path | None = None
    reading: ReadingStyle = ReadingStyle()

    def build(self) -> HindiFrontend:
        """Raises `SsmphonyError` where the lexicon cannot be read."""
        return HindiFrontend(self)


class HindiFrontend(Frontend):
    """``lexicon``: entries that win over those of the config."""

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

    def spoken_words(self, sentence: str) -> list[tuple[int, int, str]]:
        spoken = speech.speak(sentence, self.lexicon, self.config.reading)
        return [(word.start, word.end, " ".join(word.spoken)) for part in spoken for word in part.words]

    def say_as(self, text: str, kind: str, form: str = "") -> str:
        return say_as.say_as(text, kind, form)

    def spelled(self, text: str, capitals: bool = False) -> str:
        from ssmphony.text.hindi import screen_reader

        return screen_reader.spelled(text, capitals)

    def key_name(self, key: str) -> str:
        from ssmphony.text.hindi import screen_reader

        return screen_reader.key_name(key)

    def with_punctuation(self, text: str, level: str) -> str:
        from ssmphony.text.hindi import screen_reader

        return screen_reader.with_punctuation(text, level)

    def sentences(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        return token_sentences.sentences(text, self.lexicon, self.config.reading, self.config.max_tokens)
