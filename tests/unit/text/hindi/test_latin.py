from __future__ import annotations

import re
import time
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text.hindi import english, g2p, latin, tables, transliteration
from ssmphony.text.hindi.graphemes import ANUSVARA, CONSONANTS, VOWELS
from tests.unit.text.tables import cases

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_KEYED = (
    "english_words indian_words acronyms english_prefixes indian_second_parts spelling_cues english_rules indian_rules "
    "english_endings"
).split()


@pytest.mark.parametrize(("word", "spoken"), cases("latin"))
def test_cases(word: str, spoken: str) -> None:
    assert " ".join(latin.to_devanagari(word)) == spoken


@given(st.text(_LETTERS + _LETTERS.upper() + "'", min_size=1, max_size=60))
def test_every_word_sounds(word: str) -> None:
    spoken = latin.to_devanagari(word)
    if word.strip("'"):
        assert spoken
        assert any(g2p.sounds(part) for part in spoken)


@pytest.mark.parametrize("piece", ["a", "b", "ough", "tion", "aB", "A", "ch'", "sh", "ing", "unre", "pur", "'s"])
def test_time_is_linear(piece: str) -> None:
    def seconds(length: int) -> float:
        word = piece * (length // len(piece))
        latin.to_devanagari.cache_clear()
        begin = time.thread_time()
        assert latin.to_devanagari(word)
        return time.thread_time() - begin

    seconds(2_000)
    short = min(seconds(2_000) for _ in range(3))
    assert min(seconds(20_000) for _ in range(3)) < 40 * max(short, 0.0005)


@pytest.mark.parametrize("name", _KEYED)
def test_tables_are_normalised_and_without_doubles(name: str) -> None:
    rows = tables.rows(name)
    keys = [row[:3] if name.endswith(("rules", "endings")) else row[0] for row in rows]
    assert [key for key, count in Counter(keys).items() if count > 1] == []
    for row in rows:
        assert all(unicodedata.is_normalized("NFC", cell) for cell in row), row


@pytest.mark.parametrize("name", ["english_words", "indian_words"])
def test_the_lexicons_are_lower_case_and_speakable(name: str) -> None:
    for word, spoken in tables.pairs(name).items():
        assert word == word.lower()
        assert word.isascii()
        assert all(g2p.sounds(part) for part in spoken.split()), word


def test_the_lexicons_do_not_overlap() -> None:
    assert not tables.pairs("english_words").keys() & tables.pairs("indian_words").keys()


@pytest.mark.parametrize("name", ["english_rules", "indian_rules"])
def test_rules_are_well_formed(name: str) -> None:
    for row in tables.rows(name):
        letters, before, after, units = (*row, "", "", "")[:4]
        assert re.fullmatch("[a-z]{1,8}", letters), row
        assert not re.search(r"[*+]", before + after), f"unbounded context in {row}"
        for unit in units.split():
            assert unit in CONSONANTS or unit in VOWELS or unit in (ANUSVARA, "-"), row


@pytest.mark.parametrize(
    ("word", "style"),
    [
        ("stretching", "english"),
        ("quickness", "english"),
        ("workflow", "english"),
        ("bhupendra", "indian"),
        ("khemchand", "indian"),
        ("raghuvansh", "indian"),
    ],
)
def test_style(word: str, style: str) -> None:
    assert transliteration.style_of(word) == style


def test_rules_give_most_phones_of_the_lexicons() -> None:
    for name, style, least in (("english_words", "english", 0.55), ("indian_words", "indian", 0.45)):
        lexicon = {word: spoken for word, spoken in tables.pairs(name).items() if word.isalpha() and " " not in spoken}
        same = sum(
            g2p.phonemes(transliteration.transliterate(word, style)) == g2p.phonemes(spoken)  # type: ignore[arg-type]
            for word, spoken in lexicon.items()
        )
        assert same / len(lexicon) > least


def test_parts_and_endings_need_known_words() -> None:
    assert english.inflected("xyzzys") is None
    assert english.compound("xyzzybank") is None
    assert english.inflected("a" * 5_000 + "s") is None


@pytest.mark.parametrize(("word", "phones"), cases("english_phones"))
def test_english_words_sound_as_indians_say_them(word: str, phones: str) -> None:
    spoken = latin.to_devanagari(word)
    assert " ".join(phone for part in spoken for phone in g2p.phonemes(part)) == phones
