from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text import vocabulary
from ssmphony.text.hindi.syllables import stressed, syllables, weight
from tests.unit.text.tables import cases


@pytest.mark.parametrize(("phones", "expected"), cases("syllables"))
def test_cases(phones: str, expected: str) -> None:
    parts = syllables(unicodedata.normalize("NFC", phones).split())
    main = stressed(parts)
    written = ".".join("ˈ" * (place == main) + "".join(part) for place, part in enumerate(parts))
    assert written == unicodedata.normalize("NFC", expected)


@given(st.lists(st.sampled_from(vocabulary.VOWELS + vocabulary.CONSONANTS), max_size=20))
def test_no_phone_is_lost_and_each_syllable_has_one_vowel(phones: list[str]) -> None:
    parts = syllables(phones)
    assert [phone for part in parts for phone in part] == phones
    vowels = [sum(phone in vocabulary.VOWELS for phone in part) for part in parts]
    assert vowels in ([], [0]) or set(vowels) == {1}


def test_an_empty_word_has_no_stress() -> None:
    with pytest.raises(ValueError, match="empty"):
        stressed(())


@pytest.mark.parametrize(("phones", "expected"), [("k ə", 1), ("k aː", 2), ("k ə m", 2), ("k aː m", 3), ("m ə s t̪", 3)])
def test_weight(phones: str, expected: int) -> None:
    assert weight(tuple(phones.split())) == expected
