from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given

from ssmphony.text import hindi
from ssmphony.text.hindi.normaliser import read
from tests.unit.text.strategies import texts
from tests.unit.text.tables import cases


@pytest.mark.parametrize(("written", "spoken"), cases("normaliser"))
def test_cases(written: str, spoken: str) -> None:
    assert hindi.normalize(written) == unicodedata.normalize("NFC", spoken)


@pytest.mark.parametrize(("written", "spoken"), cases("normaliser"))
def test_what_is_spoken_stays_as_it_is(written: str, spoken: str) -> None:
    assert hindi.normalize(spoken) == unicodedata.normalize("NFC", spoken)


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


@pytest.mark.parametrize(
    "pattern",
    ["1,", "1:", "1-", "1/", "1 ", "0", "a.", "क.", "a'", " -", "...", "₹", "+1 ", "\u0915\u0902\u093c", "(", "a@"],
)
def test_time_is_linear(pattern: str) -> None:
    def seconds(times: int) -> float:
        text = pattern * times
        begin = time.perf_counter()
        hindi.normalize(text)
        return time.perf_counter() - begin

    small = min(seconds(1_000) for _ in range(3))
    assert seconds(10_000) < 40 * small + 0.1
