from __future__ import annotations

import pytest
from hypothesis import given

from ssmphony.text.hindi.unicode import clean
from tests.unit.text.strategies import texts
from tests.unit.text.tables import cases


@pytest.mark.parametrize(("broken", "repaired", "what"), cases("unicode", 3))
def test_cases(broken: str, repaired: str, what: str) -> None:
    assert clean(broken).text == repaired, what


@given(texts)
def test_idempotent(text: str) -> None:
    once = clean(text).text
    assert clean(once).text == once


@given(texts)
def test_offsets_stay_within_the_text_and_grow(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned.text) == len(cleaned.starts) == len(cleaned.ends)
    assert list(cleaned.starts) == sorted(cleaned.starts)
    assert list(cleaned.ends) == sorted(cleaned.ends)
    for start, end in zip(cleaned.starts, cleaned.ends, strict=True):
        assert 0 <= start < end <= len(text)
