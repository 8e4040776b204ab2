"""Words in Cyrillic, Greek and Urdu letters, whatever they hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text import hindi
from ssmphony.text.hindi.other_scripts import spell_alphabet, spell_urdu

LETTERS = st.characters(min_codepoint=0x370, max_codepoint=0x4FF) | st.characters(
    min_codepoint=0x620, max_codepoint=0x6FF
)


@given(st.text(LETTERS, max_size=12))
def test_any_row_of_letters_is_spoken_or_silent(written: str) -> None:
    (sentence,) = hindi.speak(f"राम {written} राम")
    assert all(word.text and word.phones for word in sentence.words)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("اودھ", "ओध"),
        ("ایران", "ईरान"),
        ("اّ", "अ"),
        ("بچّہ", "बच्चा"),
        ("وادی", "वादी"),
        ("یار", "यार"),
        ("ۓ", ""),
    ],
)
def test_urdu(written: str, spoken: str) -> None:
    assert spell_urdu(written) == spoken


@pytest.mark.parametrize(("written", "spoken"), [("ъ", ""), ("Объект", "ओब्येक्त"), ("Ё", "यो"), ("ΐ", "ई")])
def test_alphabets(written: str, spoken: str) -> None:
    assert spell_alphabet(written) == spoken
