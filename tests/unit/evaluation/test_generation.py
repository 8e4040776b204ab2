"""Scores of generators on constructed cases whose values are known, and a classifier that learns real classes."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.generation import am_score, inception_score, modified_inception_score, scores
from ssmphony.evaluation.models.digits import ClipClassifier, train_classifier

SURE = np.eye(4).repeat(25, axis=0)  # 100 clips, each surely one of four classes


def test_inception_scores_at_their_ends() -> None:
    assert inception_score(SURE) == pytest.approx(4.0)
    assert inception_score(np.full((10, 4), 0.25)) == pytest.approx(1.0)
    assert inception_score(SURE[:25]) == pytest.approx(1.0)  # one class alone
    assert inception_score(SURE[:50]) == pytest.approx(2.0)


def test_the_modified_score_of_two_kinds_of_clips() -> None:
    p = np.array([[0.9, 0.1], [0.1, 0.9]])
    divergence = 0.9 * np.log(9) + 0.1 * np.log(1 / 9)  # of unlike pairs, which are half of all
    assert modified_inception_score(p) == pytest.approx(np.exp(divergence / 2))
    assert modified_inception_score(np.tile([[0.7, 0.3]], (5, 1))) == pytest.approx(1.0)


def test_am_compares_the_classes_with_those_of_the_data() -> None:
    labels = np.arange(4).repeat(25).tolist()
    assert am_score(SURE, labels) == pytest.approx(0.0, abs=1e-8)
    assert am_score(SURE[:50], labels) > 5.0  # two classes are never made
    assert am_score(np.full((10, 4), 0.25), labels) == pytest.approx(np.log(4))


def test_scores_of_copies_and_of_others() -> None:
    random = np.random.default_rng(0)
    real, other_clips = random.standard_normal((2, 400, 3))
    shifted = other_clips + np.array([3.0, 0.0, 0.0])
    labels = np.arange(4).repeat(100).tolist()
    sure = np.eye(4).repeat(100, axis=0)
    same = scores(sure, real, labels, real, asked=labels)
    assert same.accuracy == 1.0
    assert same.frechet is not None
    assert same.frechet.distance == pytest.approx(0.0, abs=0.1)
    other = scores(sure, shifted, labels, real)
    assert other.accuracy is None
    assert other.frechet is not None
    assert other.frechet.distance == pytest.approx(9.0, rel=0.1)  # the square of the shift
    assert other.row()["FD"] == other.frechet.distance


def test_a_classifier_learns_tones() -> None:
    random, rate = np.random.default_rng(0), 8_000

    def tone(label: int) -> np.ndarray:
        time = np.arange(random.integers(1_500, 3_000)) / rate
        wave = np.sin(2 * np.pi * (300 + 700 * label) * random.uniform(0.9, 1.1) * time)
        return (random.uniform(0.05, 0.3) * wave + 0.005 * random.standard_normal(len(time))).astype(np.float32)

    labels = [number % 3 for number in range(90)]
    network = train_classifier([tone(label) for label in labels], labels, 3, rate, steps=40, size=24)
    assert isinstance(network, ClipClassifier)
    heard = network.hear([tone(label) for label in labels[:30]])
    assert heard.probabilities.shape == (30, 3)
    assert (heard.probabilities.argmax(1) == labels[:30]).mean() > 0.9
    np.testing.assert_allclose(heard.probabilities.sum(1), 1.0, rtol=1e-5)
