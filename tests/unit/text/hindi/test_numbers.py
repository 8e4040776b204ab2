from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text.hindi import numbers, times
from tests.unit.text.tables import cases


def _say(kind: str, written: str) -> tuple[str, ...]:
    if kind == "cardinal":
        return numbers.cardinal(int(written))
    if kind == "decimal":
        return numbers.decimal(written)
    if kind == "year":
        return numbers.year(int(written))
    if kind == "clock":
        hour, minute = written.split(":")
        return times.clock(int(hour), int(minute))
    if kind == "quarters":
        return numbers.quarters(written) or ()
    if kind == "pairs":
        return numbers.pairs(written)
    match = re.fullmatch(r"(\d+)(.+)", written)
    assert match is not None
    return numbers.ordinal(int(match[1]), match[2])


@pytest.mark.parametrize(("kind", "written", "words"), cases("numbers", 3))
def test_cases(kind: str, written: str, words: str) -> None:
    assert " ".join(_say(kind, written)) == words


def test_the_table_holds_a_hundred_different_words() -> None:
    assert len(numbers.WORDS) == len(set(numbers.WORDS)) == 100


@given(st.integers(0, numbers.LIMIT - 1), st.integers(0, numbers.LIMIT - 1))
def test_different_numbers_have_different_words(one: int, other: int) -> None:
    assert (numbers.cardinal(one) == numbers.cardinal(other)) == (one == other)
