"""Characters, keys and punctuation as a screen reader reads them."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text.hindi import screen_reader, tables
from ssmphony.text.hindi.frontend import HindiFrontend
from ssmphony.types import PUNCTUATION_LEVELS

FRONTEND = HindiFrontend()


def spoken(text: str) -> str:
    return FRONTEND.spoken_text(text)


@pytest.mark.parametrize(
    ("text", "level", "expected"),
    [
        ("एक, दो।", "none", "एक, दो।"),
        ("एक, दो।", "most", "एक, दो।"),
        ("एक, दो।", "all", "एक कॉमा, दो पूर्ण विराम।"),
        ("क्या?", "all", "क्या प्रश्न चिह्न?"),
        ("(एक) [दो]", "some", "(एक) [दो]"),
        ("(एक)", "most", "कोष्ठक शुरू एक कोष्ठक बंद "),
        ("a@b.com पर # लिखें", "some", "a@b.com पर हैश लिखें"),
        ("a@b.com", "all", "a ऐट b डॉट com"),
        ("1,250.50 और 12:30", "all", "1,250.50 और 12:30"),
        ("50% और ₹500", "all", "50% और ₹500"),
        ("-----", "most", "5 डैश "),
        ("C++", "some", "C प्लस प्लस "),
        ("", "all", ""),
    ],
)
def test_punctuation_by_level(text: str, level: str, expected: str) -> None:
    assert screen_reader.with_punctuation(text, level) == expected


def test_every_level_speaks_what_the_one_before_it_speaks() -> None:
    signs = [row[0] for row in tables.rows("character_names")]
    for sign in signs:
        said = [screen_reader.with_punctuation(f"क {sign} ख", level) != f"क {sign} ख" for level in PUNCTUATION_LEVELS]
        assert said == sorted(said), sign
        assert said[-1], sign


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("क", "क"),
        ("ि", "छोटी इ की मात्रा"),
        ("्", "हलंत"),
        ("१", "एक"),
        ("A", "ए"),
        ("é", "ई"),
        (" ", "स्पेस"),
        ("\n", "नई पंक्ति"),
        ("।", "पूर्ण विराम"),
        ("€", "यूरो"),
        ("α", "अल्फ़ा"),
        ("😀", "हँसता चेहरा"),
        ("あ", "hiragana letter a"),
    ],
)
def test_character(character: str, expected: str) -> None:
    assert FRONTEND.spelled(character) == expected


@given(st.characters())
def test_every_character_has_a_name_that_is_spoken(character: str) -> None:
    assert spoken(FRONTEND.spelled(character)).strip(), hex(ord(character))


def test_the_characters_of_a_keyboard_have_names_that_differ() -> None:
    keys = string.ascii_lowercase + string.digits + string.punctuation + " "
    names = {key: FRONTEND.spelled(key) for key in keys}
    assert len(set(names.values())) == len(keys)


def test_capitals_are_named_where_asked() -> None:
    assert FRONTEND.spelled("A", capitals=True) == "कैपिटल ए"
    assert FRONTEND.spelled("a", capitals=True) == "ए"
    assert FRONTEND.spelled("Ab क्या 1", capitals=True) == "कैपिटल ए, बी, क्या, एक"


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a", "ए"),
        ("shift_A", "शिफ़्ट कैपिटल ए"),
        ("control_alt_delete", "कंट्रोल ऑल्ट डिलीट"),
        ("shift_kp-enter", "शिफ़्ट नमपैड एंटर"),
        ("kp-*", "नमपैड स्टार"),
        ("f12", "एफ़ बारह"),
        ("_", "अंडरस्कोर"),
        ("shift__", "शिफ़्ट अंडरस्कोर"),
        ("double-quote", "उद्धरण चिह्न"),
        ("launch-media", "launch media"),
    ],
)
def test_key(key: str, expected: str) -> None:
    assert FRONTEND.key_name(key) == expected


def test_names_are_words_of_hindi() -> None:
    for table in ("letter_signs", "key_names", "character_names"):
        for row in tables.rows(table):
            assert not re.search("[A-Za-z]", row[1]), row
            assert spoken(row[1]), row
