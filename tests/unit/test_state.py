"""Rows of states: gathered, scattered, replaced, flattened; nothing of one reaches another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.state import flatten, gather, reset, scatter, unflatten


class Inner(NamedTuple):
    tokens: np.ndarray  # (batch, tokens): differs between rows
    hidden: np.ndarray  # (batch, 3)


class Outer(NamedTuple):
    inner: Inner
    layers: tuple[np.ndarray, ...]
    present: np.ndarray
    nothing: tuple[()]


@st.composite
def rows(draw) -> Outer:
    random = np.random.default_rng(draw(st.integers(0, 1 << 32)))

    def array(*shape, dtype=np.float32):
        return random.integers(-9, 9, (1, *shape)).astype(dtype)

    tokens = draw(st.integers(0, 4))
    inner = Inner(array(tokens, dtype=np.int64), array(3))
    return Outer(inner, (array(2, 2), array(tokens, 2)), array(2, dtype=np.bool_), ())


def same(a, b) -> bool:
    one, other = ([(part.dtype, part.shape, part.tobytes()) for part in flatten(state)] for state in (a, b))
    return one == other


@given(st.lists(rows(), min_size=1, max_size=5))
def test_scatter_undoes_gather(states):
    back = scatter(gather(states), states)
    assert all(type(row) is Outer and same(row, state) for row, state in zip(back, states, strict=True))


@given(st.lists(rows(), min_size=2, max_size=5), rows(), st.data())
def test_a_slot_that_is_reset_leaves_the_others_bit_equal(states, fresh, data):
    slot = data.draw(st.integers(0, len(states) - 1))
    batch = gather(states)
    kept = [array.copy() for array in flatten(batch)]
    replaced = [fresh if i == slot else state for i, state in enumerate(states)]
    back = scatter(reset(batch, slot, fresh), replaced)
    assert all(same(row, state) for row, state in zip(back, replaced, strict=True))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(kept, flatten(batch), strict=True))


@given(st.lists(rows(), min_size=2, max_size=3))
def test_a_row_that_was_scattered_does_not_hold_the_batch(states):
    batch = gather(states)
    row = scatter(batch, states)[0]
    for array in flatten(batch):
        array[:] = 1
    assert same(row, states[0])


def test_padding_repeats_the_last_entry():
    states = [np.array([[3, 5]]), np.array([[1, 2, 9, 9]])]
    assert gather(states).tolist() == [[3, 5, 5, 5], [1, 2, 9, 9]]
    assert gather([np.zeros((1, 0)), np.ones((1, 2))]).tolist() == [[0, 0], [1, 1]]


@given(rows())
def test_a_state_is_made_of_its_arrays(state):
    assert same(unflatten(state, iter(list(flatten(state)))), state)


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        unflatten((np.zeros((1, 2)),), iter([np.zeros((1, 3))]))
    with pytest.raises(ValueError, match="do not fit"):
        unflatten((np.zeros((1, 2)), np.zeros(1)), iter([np.zeros((1, 2))]))
