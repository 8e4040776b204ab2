"""Values of the signal path."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.types import Delivery, Style, Tokens, Word, stack_tokens


def test_stacked_tokens_know_their_place_in_the_word():
    tokens = Tokens(
        (1, 9, 2, 9, 9, 9, 9, 9, 3),
        ("^", "a", ",", "b", "c", "d", "e", "f", "."),
        (Word("a", 1, 2, 0, 1), Word("bcd", 3, 6, 2, 5), Word("ef", 6, 8, 6, 8), Word("silent", 8, 8, 8, 8)),
    )
    batch = stack_tokens([tokens, Tokens((1,), ("^",))], [Style(), Style()])
    assert batch.ids.tolist() == [[1, 9, 2, 9, 9, 9, 9, 9, 3], [1] + [0] * 8]
    assert batch.word_positions.tolist() == [[0, 4, 0, 1, 2, 3, 1, 3, 0], [0] * 9]
    assert batch.mask.sum(axis=1).tolist() == [9, 1]


def test_a_token_may_be_spoken_unlike_its_sentence():
    tokens = Tokens((1, 2), ("a", "b"), delivery=(Delivery(), Delivery(speed=0.5, pitch_semitones=3.0)))
    batch = stack_tokens([tokens, Tokens((1,), ("a",))], [Style(speed=2.0, pitch_semitones=-1.0), Style()])
    assert batch.speeds.tolist() == [[2.0, 1.0], [1.0, 1.0]]
    assert batch.pitch_semitones.tolist() == [[-1.0, 2.0], [0.0, 0.0]]
    with pytest.raises(ValueError, match="deliveries"):
        Tokens((1, 2), ("a", "b"), delivery=(Delivery(),))


@pytest.mark.parametrize("fewest", [0, 2])
def test_no_tokens_at_all(fewest):
    batch = stack_tokens([Tokens((), ())], [Style()], fewest)
    assert all(np.shape(array) == (1, fewest) for array in batch)
    assert not batch.mask.any()
