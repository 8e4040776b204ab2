from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text import notation, vocabulary
from ssmphony.text.hindi import g2p
from ssmphony.text.hindi.spelling import spell_phones
from ssmphony.text.notation import NotationError, parse, to_ascii, to_ipa
from tests.unit.text.tables import cases

PHONES = vocabulary.VOWELS + vocabulary.CONSONANTS


def test_the_table_has_every_phone_once() -> None:
    assert tuple(row[0] for row in notation.table()) == PHONES
    assert all(row[1].isascii() for row in notation.table())
    spellings = [spelling for phone, ascii_, _, others in notation.table() for spelling in {phone, ascii_, *others}]
    assert len(spellings) == len(set(spellings))
    assert all(unicodedata.is_normalized("NFC", spelling) for spelling in spellings)


def test_the_documentation_shows_the_table() -> None:
    def code(spelling: str) -> str:
        return f"`` {spelling} ``" if "`" in spelling else f"`{spelling}`"

    page = (Path(__file__).parents[3] / "docs/text.md").read_text(encoding="utf-8")
    for phone, ascii_, letter, others in notation.table():
        assert f"| {phone} | {code(ascii_)} | {letter} | {' '.join(map(code, others))} |\n" in page


@pytest.mark.parametrize("phone", PHONES)
def test_each_phone_goes_both_ways(phone: str) -> None:
    assert parse(to_ascii([phone])) == parse(to_ipa([phone])) == (phone,)


@given(st.lists(st.sampled_from(PHONES), min_size=1))
def test_rows_of_phones_go_both_ways_with_spaces_and_without(phones: list[str]) -> None:
    ascii_ = to_ascii(phones)
    assert ascii_.isascii()
    for written in (ascii_, ascii_.replace(" ", ""), to_ipa(phones), " ".join(phones)):
        assert parse(written) == tuple(phones)
        assert parse(unicodedata.normalize("NFD", written)) == tuple(phones)


@pytest.mark.parametrize(("written", "phones"), cases("notation"))
def test_cases(written: str, phones: str) -> None:
    if not phones:
        with pytest.raises(NotationError):
            parse(written)
    else:
        assert parse(written) == tuple(unicodedata.normalize("NFC", phones).split())


@given(st.text())
def test_anything_else_is_a_notation_error(text: str) -> None:
    try:
        phones = parse(text)
    except NotationError:
        return
    assert phones
    assert set(phones) <= set(PHONES)


@pytest.mark.parametrize("word", ["नमस्ते", "कमल", "ज़मीन", "अंगूर", "क़ौम", "फ़ैसला", "गाँव", "आइए", "मुंह"])
def test_a_spelling_sounds_like_its_phones(word: str) -> None:
    assert g2p.phonemes(spell_phones(g2p.phonemes(word))) == g2p.phonemes(word)
