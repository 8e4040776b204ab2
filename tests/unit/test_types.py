"""Values of the signal path."""

from __future__ import annotations

from ssmphony.types import Tokens, Word, stack_tokens


def test_stacked_tokens_know_their_place_in_the_word():
    tokens = Tokens(
        (1, 9, 2, 9, 9, 9, 9, 9, 3),
        ("^", "a", ",", "b", "c", "d", "e", "f", "."),
        (Word("a", 1, 2, 0, 1), Word("bcd", 3, 6, 2, 5), Word("ef", 6, 8, 6, 8), Word("silent", 8, 8, 8, 8)),
    )
    ids, positions, lengths = stack_tokens([tokens, Tokens((1,), ("^",))])
    assert ids.tolist() == [[1, 9, 2, 9, 9, 9, 9, 9, 3], [1] + [0] * 8]
    assert positions.tolist() == [[0, 4, 0, 1, 2, 3, 1, 3, 0], [0] * 9]
    assert lengths.tolist() == [9, 1]


def test_no_tokens_at_all():
    ids, positions, lengths = stack_tokens([Tokens((), ())])
    assert ids.shape == positions.shape == (1, 0)
    assert lengths.tolist() == [0]
