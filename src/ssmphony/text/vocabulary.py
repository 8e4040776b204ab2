"""Symbols and their ids. The order is part of every trained voice: append, never reorder."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

PAD = "_"
BEGIN = "^"
COMMA = ","
STOPS = (".", "?", "!")
PAUSES = (COMMA, *STOPS)

_VOWELS = "ə aː ɪ iː ʊ uː eː ɛː oː ɔː æ ə̃ ãː ɪ̃ ĩː ʊ̃ ũː ẽː ɛ̃ː õː ɔ̃ː"
_CONSONANTS = "k kʰ ɡ ɡʱ ŋ tʃ tʃʰ dʒ dʒʱ ɲ ʈ ʈʰ ɖ ɖʱ ɳ t̪ t̪ʰ d̪ d̪ʱ n p pʰ b bʱ m j ɾ l ʋ ʃ ʂ s ɦ ɽ ɽʱ q x ɣ z ʒ f"


def _nfc(symbols: str) -> tuple[str, ...]:
    return tuple(unicodedata.normalize("NFC", symbol) for symbol in symbols.split())


VOWELS = _nfc(_VOWELS)
CONSONANTS = _nfc(_CONSONANTS)
SYMBOLS: tuple[str, ...] = (PAD, BEGIN, *PAUSES, *VOWELS, *CONSONANTS)
_IDS = {symbol: number for number, symbol in enumerate(SYMBOLS)}


def encode(symbols: Iterable[str]) -> tuple[int, ...]:
    """Symbols to ids; raises `KeyError` on a symbol outside the vocabulary."""
    return tuple(_IDS[symbol] for symbol in symbols)


def decode(ids: Iterable[int]) -> tuple[str, ...]:
    """Ids to symbols; raises `IndexError` on an id outside the vocabulary."""
    return tuple(SYMBOLS[number] for number in ids)
