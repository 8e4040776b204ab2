"""Durations and expansion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.runtime.expand import expand, token_ends


def test_token_ends_round_and_keep_every_present_token():
    log_durations = np.log(np.array([[3.0, 2.6, 0.01, 50.0], [4.0, 4.0, 4.0, 4.0]], np.float32))
    mask = np.array([[True, True, True, False], [True] * 4])
    ends = token_ends(log_durations, mask, np.array([[1.0] * 4, [2.0] * 4], np.float32))
    assert ends.tolist() == [[3, 6, 7, 7], [2, 4, 6, 8]]


@given(
    durations=st.lists(st.lists(st.integers(1, 6), min_size=1, max_size=6), min_size=1, max_size=3),
    first=st.integers(0, 20),
    count=st.integers(1, 12),
)
def test_expand_is_a_window_of_repeat(durations, first, count):
    width = max(map(len, durations))
    encoded = np.arange(len(durations) * width * 2, dtype=np.float32).reshape(len(durations), width, 2)
    frames = np.zeros((len(durations), width), np.int64)
    for row, values in enumerate(durations):
        frames[row, : len(values)] = values
    starts = np.full(len(durations), first) + np.arange(len(durations))
    x, mask, tokens = expand(encoded, np.cumsum(frames, axis=1), starts, count)
    for row, values in enumerate(durations):
        expected = np.concatenate(
            [
                [[*encoded[row, token], (i + 0.5) / n, np.log(n) / 5, token] for i in range(n)]
                for token, n in enumerate(values)
            ]
        )[starts[row] : starts[row] + count]
        real = len(expected)
        centres = np.cumsum(values) - np.array(values) / 2
        positions = starts[row] + np.arange(real) + 0.5
        glide = np.interp(positions, centres, encoded[row, : len(values), -1])
        assert mask[row].tolist() == [True] * real + [False] * (count - real)
        if real:
            assert x[row, :real, 0] == pytest.approx(expected[:, 0], rel=1e-6)
            assert x[row, :real, 1] == pytest.approx(glide, rel=1e-5, abs=1e-5)
            assert x[row, :real, 2:] == pytest.approx(expected[:, 2:4], rel=1e-6)
        assert np.array_equal(tokens[row, :real], expected[:, 4])
        assert not x[row, real:].any()
