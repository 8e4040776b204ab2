"""Monotonic alignment against every possible path, and known times."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.alignment.monotonic import anchor_penalty, search, token_means


def score(value: np.ndarray, durations: np.ndarray) -> float:
    """Sum of value (token, frame) along a path."""
    path = np.repeat(np.arange(len(durations)), durations)
    return float(value[path, np.arange(len(path))].sum(dtype=np.float64))


def best_of_all(value: np.ndarray) -> float:
    """The best score, by trying every monotonic path."""
    tokens, frames = value.shape
    paths = (np.diff([0, *cuts, frames]) for cuts in combinations(range(1, frames), tokens - 1))
    return max(score(value, durations) for durations in paths)


def align(value: np.ndarray) -> np.ndarray:
    return search(value[None], np.array([value.shape[0]]), np.array([value.shape[1]]))[0]


sizes = st.integers(1, 5).flatmap(lambda tokens: st.tuples(st.just(tokens), st.integers(tokens, 8)))


@given(st.lists(sizes, min_size=1, max_size=3), st.integers(0, 10_000), st.sampled_from([1.0, 1000.0]))
def test_best_of_every_path(shapes: list[tuple[int, int]], seed: int, scale: float) -> None:
    """In a batch with padding that would be attractive, were it looked at."""
    token_lengths, frame_lengths = np.array(shapes).T
    value = np.full((len(shapes), token_lengths.max(), frame_lengths.max()), 1e6, np.float32)
    random = np.random.default_rng(seed)
    for row, shape in enumerate(shapes):
        value[row, : shape[0], : shape[1]] = random.normal(0, scale, shape)
    durations = search(value, token_lengths, frame_lengths)
    for row, (tokens, frames) in enumerate(shapes):
        own, known = durations[row], value[row, :tokens, :frames]
        assert own.sum() == frames
        assert (own[:tokens] >= 1).all()
        assert not own[tokens:].any()
        assert score(known, own[:tokens]) == pytest.approx(best_of_all(known), abs=1e-4 * scale)


def test_clear_tokens_are_found() -> None:
    durations = np.array([3, 1, 7, 2, 5])
    token = np.repeat(np.arange(5), durations)
    value = np.where(np.arange(5)[:, None] == token, 0.0, -1.0).astype(np.float32)
    np.testing.assert_array_equal(align(value), durations)


def test_fewer_frames_than_tokens_is_an_error() -> None:
    with pytest.raises(ValueError, match="fewer frames than tokens"):
        search(np.zeros((1, 4, 3), np.float32), np.array([4]), np.array([3]))


@given(st.integers(0, 10_000))
def test_anchors_hold(seed: int) -> None:
    """However the scores pull: no frame of a word lies further outside its times than the tolerance, none of a phone
    outside its own."""
    random = np.random.default_rng(seed)
    durations = random.integers(3, 9, 8)
    ends = durations.cumsum()
    frames = int(ends[-1])
    anchors = [(2, 5, float(ends[1]), float(ends[4])), (6, 7, float(ends[5]), float(ends[6]))]
    value = random.normal(0, 30, (8, frames)).astype(np.float32)
    found = align(value + anchor_penalty([anchors], 8, frames, tolerance=2.0)[0]).cumsum()
    for (first, stop, start, end), slack in zip(anchors, (2.0, 0.5), strict=True):
        assert found[first - 1] >= start - slack
        assert found[stop - 1] - 1 <= end + slack


@given(st.integers(0, 10_000))
def test_a_clip_whose_phones_are_all_known_keeps_their_times(seed: int) -> None:
    """The teacher's clips: every boundary is known, so nothing is left to search."""
    random = np.random.default_rng(seed)
    durations = random.integers(1, 9, 8)
    ends = durations.cumsum()
    shift = random.uniform(-0.4, 0.4)  # boundaries fall between frames
    anchors = [(k, k + 1, ends[k] - durations[k] + shift, ends[k] + shift) for k in range(8)]
    value = random.normal(0, 30, (8, int(ends[-1]))).astype(np.float32)
    found = align(value + anchor_penalty([anchors], 8, int(ends[-1]))[0])
    assert np.abs(found.cumsum() - ends).max() <= 1


def test_anchors_outweigh_the_scores_and_absent_ones_do_not() -> None:
    value = np.zeros((3, 30), np.float32)
    value[1] = 50.0  # the middle token wants every frame
    free = align(value + anchor_penalty([[]], 3, 30)[0])
    np.testing.assert_array_equal(free, [1, 28, 1])
    held = align(value + anchor_penalty([[(1, 2, 10.0, 14.0)]], 3, 30)[0])
    assert held[1] <= 6
    assert 9 <= held[0] <= 10


@pytest.mark.parametrize(
    "anchors",
    [
        [(0, 2, 20.0, 30.0), (2, 4, 0.0, 10.0)],  # in the wrong order
        [(0, 4, 0.0, 2.0)],  # four tokens in two frames
        [(1, 3, 100.0, 120.0)],  # after the end of the clip
        [(0, 1, -50.0, -40.0)],
        [(1, 2, 10.0, 10.0), (2, 3, 10.0, 10.0)],  # no room at all
    ],
)
def test_impossible_anchors_bend(anchors: list[tuple[int, int, float, float]]) -> None:
    value = np.random.default_rng(0).normal(0, 3, (4, 30)).astype(np.float32)
    durations = align(value + anchor_penalty([anchors], 4, 30)[0])
    assert durations.sum() == 30
    assert (durations >= 1).all()


def test_an_anchor_that_cannot_hold_is_missed_by_as_little_as_possible() -> None:
    """Phone 0 is said to end at frame 0, but tokens last at least a frame."""
    durations = align(np.zeros((3, 12), np.float32) + anchor_penalty([[(0, 1, -4.0, -3.0)]], 3, 12)[0])
    assert durations[0] == 1


@given(st.integers(0, 10_000))
def test_token_means(seed: int) -> None:
    random = np.random.default_rng(seed)
    durations = random.integers(1, 6, 7)
    frames = int(durations.sum())
    values = random.normal(5, 1, frames).astype(np.float32)
    voiced = random.random(frames) < random.choice([0.1, 0.5, 1.0])
    means, known = token_means(values, voiced, durations)
    token = np.repeat(np.arange(7), durations)
    for k in range(7):
        own = values[(token == k) & voiced]
        assert known[k] == (len(own) > 0)
        if len(own):
            assert means[k] == pytest.approx(own.mean(), abs=1e-4)
    if known.any():
        places = np.flatnonzero(known)
        expected = np.interp(np.arange(7), places, means[places])
        np.testing.assert_allclose(means, expected, atol=1e-4)
    else:
        assert not means.any()
