from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text.hindi import g2p, latin, tables
from tests.unit.text.tables import cases


@pytest.mark.parametrize(("word", "spoken"), cases("latin"))
def test_cases(word: str, spoken: str) -> None:
    assert " ".join(latin.to_devanagari(word)) == spoken


@given(st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'", min_size=1, max_size=30))
def test_every_word_sounds(word: str) -> None:
    spoken = latin.to_devanagari(word)
    if word.strip("'"):
        assert any(g2p.phones(part) for part in spoken)


@pytest.mark.parametrize("word", ["a" * 2000, "b" * 2000, "ough" * 500, "tion" * 500, "aB" * 1000])
def test_long_words(word: str) -> None:
    assert latin.to_devanagari(word)


def test_the_lexicon_is_lower_case_and_speakable() -> None:
    for word, spoken in tables.pairs("latin_words").items():
        assert word == word.lower()
        assert all(g2p.phones(part) for part in spoken.split()), word
