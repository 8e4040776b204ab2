from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.text.hindi import g2p
from ssmphony.text.hindi.mixed import mixed
from tests.unit.text.tables import cases


@pytest.mark.parametrize(("token", "spoken"), cases("mixed"))
def test_cases(token: str, spoken: str) -> None:
    assert " ".join(mixed(token) or ()) == spoken


@given(st.text("aBcXyz019-.&/'", max_size=40))
def test_a_mixed_token_sounds_or_is_left(token: str) -> None:
    spoken = mixed(token)
    assert spoken is None or (spoken and all(g2p.sounds(word) for word in spoken))


@pytest.mark.parametrize("token", ["a1" * 5_000, "1-" * 5_000, "a." * 5_000, "A&" * 5_000 + "A"])
def test_long_tokens_are_left(token: str) -> None:
    assert mixed(token) is None
