from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmphony.text import hindi
from ssmphony.text.hindi import tables
from ssmphony.text.hindi.normaliser import ReadingStyle, read
from tests.unit.text.strategies import texts
from tests.unit.text.tables import cases, names

SPOKEN = [(written, spoken) for name in names("spoken") for _, written, spoken in cases(f"spoken/{name}", 3)]
CASES = [*cases("normaliser"), *SPOKEN]
NASTY = [
    "1,", "1:", "1-", "1/", "1 ", "0", "1.", "1,000,", "1%-", "1'", '1"', "1e", "a.", "a-", "a@", "@", "@a", "#", "#क",
    "www.", "http://", "क.", "क0", "क. ", "a'", " -", "-", "...", "₹", "₹1-", "₹1 ", "Rs.", "रु. ", "+1 ", "+", "(",
    "(0", "½", "²", "I", "XIV ", "XX", "A1", "DL 3", "कं\u093c", "ि", "िक", "क\u094d", "क ", "°", "=", "*", "12:3",
    "5 PM ", "10-Nov-", "लाख ", "1 लाख ", "डॉ.", "उ0",
]  # fmt: skip


TABLES = (
    "abbreviations codes currencies emoji number_abbreviations places roman_words scales set_phrases split_vowels "
    "symbols units web_words year_words"
).split()


def _said(text: str, style: ReadingStyle) -> str:
    return " ".join(word for reading in read(text, style=style) for word in reading.words)


@pytest.mark.parametrize(("written", "spoken"), CASES)
def test_cases(written: str, spoken: str) -> None:
    assert hindi.normalize(written) == unicodedata.normalize("NFC", spoken)


@pytest.mark.parametrize(("kind", "written", "readings"), cases("reported", 3))
def test_reported(kind: str, written: str, readings: str) -> None:
    right = [reading.rstrip("।") for reading in readings.split(" | ")]
    assert hindi.normalize(written).rstrip("।") in right, kind


@pytest.mark.parametrize(("written", "readings"), cases("reported_phones"))
def test_reported_phones(written: str, readings: str) -> None:
    assert " ".join(word.ipa for word in hindi.phonemize(written)) in readings.split(" | ")


@pytest.mark.parametrize(("written", "spoken"), CASES)
def test_what_is_spoken_stays_as_it_is(written: str, spoken: str) -> None:
    assert hindi.normalize(spoken) == unicodedata.normalize("NFC", spoken)


@pytest.mark.parametrize(("style", "written", "spoken"), cases("styles", 3))
def test_styles(style: str, written: str, spoken: str) -> None:
    name, value = style.split("=")
    assert _said(written, ReadingStyle(**{name: value})) == unicodedata.normalize("NFC", spoken)
    assert _said(written, ReadingStyle()) != unicodedata.normalize("NFC", spoken)


@pytest.mark.parametrize("name", TABLES)
def test_tables_are_normalised_and_without_doubles(name: str) -> None:
    rows = tables.rows(name)
    assert rows
    key = {"year_words": slice(2), "number_abbreviations": slice(0, 3, 2)}.get(name, slice(1))
    assert len({row[key] for row in rows}) == len(rows)
    assert all(unicodedata.is_normalized("NFC", cell) for row in rows for cell in row)


@given(texts)
def test_idempotent(text: str) -> None:
    once = hindi.normalize(text)
    assert hindi.normalize(once) == once


@given(texts)
def test_readings_stay_in_order_within_the_sentence(text: str) -> None:
    place = 0
    for reading in read(text):
        assert 0 <= reading.start <= reading.end <= len(text)
        assert reading.start < reading.end or reading.pause
        assert reading.start >= place
        assert bool(reading.words) != bool(reading.pause)
        place = reading.end


def _seconds(text: str) -> float:
    begin = time.process_time()
    read(text)
    return time.process_time() - begin


def _check_linear(pattern: str) -> None:
    """A hundred times the text takes at most four hundred times the time; a square would take ten thousand times."""
    small = min(_seconds(pattern * 20) for _ in range(3))
    assert min(_seconds(pattern * 2_000) for _ in range(2)) < 400 * small + 0.05


@pytest.mark.parametrize("pattern", NASTY)
def test_time_is_linear(pattern: str) -> None:
    _check_linear(pattern)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(NASTY), min_size=1, max_size=3).map("".join))
def test_time_is_linear_in_mixtures(pattern: str) -> None:
    _check_linear(pattern)
