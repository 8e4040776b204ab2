from __future__ import annotations

import unicodedata

import pytest

from ssmphony.text import vocabulary


def test_symbols_are_distinct_and_composed() -> None:
    assert vocabulary.SYMBOLS[:6] == ("_", "^", ",", ".", "?", "!")
    assert len(set(vocabulary.SYMBOLS)) == len(vocabulary.SYMBOLS) == 6 + 21 + 41
    assert all(unicodedata.is_normalized("NFC", symbol) for symbol in vocabulary.SYMBOLS)


def test_round_trip() -> None:
    assert vocabulary.decode(vocabulary.encode(vocabulary.SYMBOLS)) == vocabulary.SYMBOLS


def test_an_unknown_symbol_is_an_error() -> None:
    with pytest.raises(KeyError):
        vocabulary.encode(["ø"])
