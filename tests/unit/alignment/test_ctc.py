"""CTC compared with brute force over all paths, and edits with cases whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ssmphony.alignment.ctc import ctc_loss, edits, force, greedy


def collapse(path: tuple[int, ...]) -> list[int]:
    return [label for label, _ in itertools.groupby(path) if label]


def log_scores(steps: int, classes: int, seed: int) -> np.ndarray:
    scores = np.random.default_rng(seed).normal(size=(steps, classes))
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))


@given(st.integers(1, 5), st.lists(st.integers(1, 2), min_size=1, max_size=3), st.integers(0, 1000))
def test_loss_and_alignment_equal_the_sum_and_the_best_of_all_paths(steps: int, target: list[int], seed: int) -> None:
    scores = log_scores(steps, 3, seed)
    paths = [path for path in itertools.product(range(3), repeat=steps) if collapse(path) == target]
    if not paths:
        with pytest.raises(ValueError, match="too few"):
            force(scores, target)
        return
    values = [sum(scores[step, label] for step, label in enumerate(path)) for path in paths]
    loss = ctc_loss(torch.tensor(scores)[None], torch.tensor([steps]), [torch.tensor(target)])
    assert float(loss) == pytest.approx(-np.log(np.exp(values).sum()) / len(target), abs=1e-6)

    spans = force(scores, target)
    assert [first < stop for first, stop in spans] == [True] * len(target)
    path = [0] * steps
    for label, (first, stop) in zip(target, spans, strict=True):
        path[first:stop] = [label] * (stop - first)
    assert collapse(tuple(path)) == target
    assert sum(scores[step, label] for step, label in enumerate(path)) == pytest.approx(max(values))


def test_a_row_too_short_for_its_labels_does_not_spoil_the_batch() -> None:
    scores = torch.zeros(2, 3, 4).log_softmax(-1).requires_grad_()
    loss = ctc_loss(scores, torch.tensor([3, 3]), [torch.tensor([1]), torch.tensor([1, 1, 2, 3])])
    loss.backward()
    assert torch.isfinite(loss)
    assert scores.grad is not None
    assert torch.isfinite(scores.grad).all()


def test_greedy_drops_repetitions_and_blanks() -> None:
    assert greedy(np.eye(4)[[0, 1, 1, 0, 1, 2, 2, 3]]) == [1, 1, 2, 3]
    assert greedy(np.eye(4)[[0, 0]]) == []


@pytest.mark.parametrize(
    ("reading", "reference", "substituted", "deleted", "inserted"),
    [
        ("kitten", "sitting", 2, 1, 0),
        ("", "abc", 0, 3, 0),
        ("abc", "", 0, 0, 3),
        ("abab", "ab", 0, 0, 2),
        ("same", "same", 0, 0, 0),
    ],
)
def test_edits_of_known_pairs(reading: str, reference: str, substituted: int, deleted: int, inserted: int) -> None:
    found = edits(reading, reference)
    assert found[:3] == (substituted, deleted, inserted)


@given(st.text("abc", max_size=8), st.text("abc", max_size=8))
def test_edits_are_a_path_through_both(reading: str, reference: str) -> None:
    found = edits(reading, reference)
    assert [i for i, _ in found.pairs if i >= 0] == list(range(len(reading)))
    assert [j for _, j in found.pairs if j >= 0] == list(range(len(reference)))
    assert found.total == edits(reference, reading).total
    assert abs(len(reading) - len(reference)) <= found.total <= max(len(reading), len(reference))
