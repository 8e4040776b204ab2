from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text import vocabulary
from ssmphony.text.hindi import g2p, tables
from tests.unit.text.tables import cases

_PHONES = frozenset(vocabulary.VOWELS + vocabulary.CONSONANTS)


@pytest.mark.parametrize(("word", "phones"), cases("g2p"))
def test_cases(word: str, phones: str) -> None:
    assert g2p.sounds(unicodedata.normalize("NFC", word)) == tuple(unicodedata.normalize("NFC", phones).split())


@given(st.text(st.characters(min_codepoint=0x0900, max_codepoint=0x097F)))
def test_any_row_of_signs_gives_symbols_of_the_vocabulary(word: str) -> None:
    assert set(g2p.sounds(word)) <= _PHONES


@given(st.text(st.sampled_from("कखगघचजटडतदनपबमयरलवशसहअआइईउऊएऐओऔ"), min_size=1, max_size=12))
def test_letters_are_never_lost(word: str) -> None:
    vowels = sum(letter in "अआइईउऊएऐओऔ" for letter in word)
    assert len(g2p.sounds(word)) >= len(word)
    assert sum(phone in vocabulary.VOWELS for phone in g2p.sounds(word)) >= vowels


@pytest.mark.parametrize("name", ["exceptions", "letters"])
def test_tables_use_the_vocabulary(name: str) -> None:
    for row in tables.rows(name):
        assert set(row[-1].split()) <= _PHONES, row


@pytest.mark.parametrize(
    "name",
    (
        "abbreviations conjunctions endings exceptions homographs letter_names letters months nasal_stems nukta "
        "numbers schwa_weights second_parts dotted_units sentence_openings stems symbols units visarga words"
    ).split(),
)
def test_tables_are_normalised_and_without_doubles(name: str) -> None:
    rows = tables.rows(name)
    assert rows
    keys = [row if name == "homographs" else row[0] for row in rows]
    assert len(keys) == len(set(keys))
    for row in rows:
        assert all(unicodedata.is_normalized("NFC", cell) for cell in row), row
