"""The Hindi frontend: text → sentences of phoneme ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from ssmphony.config import Config
from ssmphony.interfaces import Frontend
from ssmphony.text import vocabulary
from ssmphony.text.hindi import g2p
from ssmphony.types import Tokens, Word


class HindiFrontendConfig(Config):
    """``max_tokens``: longer sentences are cut at clauses."""

    kind: Literal["hindi"] = "hindi"
    max_tokens: int = 240

    def build(self) -> HindiFrontend:
        return HindiFrontend(self)


class HindiFrontend(Frontend):
    """See `Frontend`."""

    def __init__(self, config: HindiFrontendConfig | None = None) -> None:
        self.config = config or HindiFrontendConfig()

    @property
    def symbols(self) -> tuple[str, ...]:
        return vocabulary.SYMBOLS

    def sentences(self, text: str | Iterable[str]) -> Iterator[Tokens]:
        whole = text if isinstance(text, str) else "".join(text)
        for match in re.finditer(r"[^।॥?!\n]+[।॥?!]*", whole):
            tokens = self._tokens(match.group(), match.start())
            if tokens is not None:
                yield tokens

    def _tokens(self, sentence: str, start: int) -> Tokens | None:
        symbols: list[str] = [vocabulary.BEGIN]
        words: list[Word] = []
        for match in re.finditer(r"[^\s।॥?!,;:–—]+|[,;:–—]", sentence):
            spoken = g2p.phonemes(match.group())
            if spoken:
                first = len(symbols)
                symbols.extend(spoken)
                words.append(Word(match.group(), first, len(symbols), start + match.start(), start + match.end()))
            elif match.group() in ",;:–—" and len(symbols) > 1 and symbols[-1] != ",":
                symbols.append(",")
        if not words:
            return None
        if symbols[-1] == ",":
            symbols.pop()
        stop = "?" if "?" in sentence[-2:] else "!" if "!" in sentence[-2:] else "."
        symbols.append(stop)
        ids = vocabulary.encode(symbols)
        return Tokens(ids, tuple(symbols), tuple(words), sentence, start, start + len(sentence), 0.25)
