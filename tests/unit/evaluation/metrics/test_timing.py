"""Pauses and durations that were put in are read back."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.evaluation.metrics.timing import (
    PauseCounts,
    compare_pauses,
    duration_errors,
    paused_boundaries,
    pauses,
    phone_class,
    phone_durations,
    precision_and_recall,
)
from ssmphony.text.vocabulary import CONSONANTS, VOWELS

RATE = 24_000


def spoken(*seconds: float) -> np.ndarray:
    """Tone and silence in turn."""
    parts = [np.sin(np.arange(round(s * RATE)) / 8) * (k % 2 == 0) for k, s in enumerate(seconds)]
    return np.concatenate(parts).astype(np.float32)


def test_pauses_inside_are_found_and_short_closures_and_edges_are_not() -> None:
    sound = np.concatenate([np.zeros(RATE // 2, np.float32), spoken(0.4, 0.1, 0.3, 0.25, 0.5), np.zeros(RATE)])
    ((start, end),) = pauses(sound.astype(np.float32), RATE)
    assert start == pytest.approx(1.3, abs=0.03)
    assert end == pytest.approx(1.55, abs=0.03)
    assert pauses(np.zeros(RATE, np.float32), RATE) == []
    assert pauses(np.zeros(0, np.float32), RATE) == []


def test_pauses_belong_to_boundaries_of_words() -> None:
    words = [(0.0, 0.5), (0.5, 1.0), (1.3, 2.0)]
    assert paused_boundaries([(1.0, 1.3)], words) == {1}
    assert paused_boundaries([(0.45, 0.65), (1.05, 1.25)], words) == {0, 1}
    assert paused_boundaries([(0.1, 0.4)], words[:1]) == set()


def test_precision_and_recall() -> None:
    counts = [compare_pauses({0, 3}, {3, 5, 6}), PauseCounts(1, 0, 0)]
    assert counts[0] == (2, 3, 1)
    assert precision_and_recall(counts) == pytest.approx((1 / 3, 1 / 3))
    assert all(np.isnan(precision_and_recall([PauseCounts(0, 0, 0)])))


def test_every_phone_has_a_class() -> None:
    assert {phone_class(symbol) for symbol in VOWELS} == {"short vowels", "long vowels", "nasal vowels"}
    assert not {phone_class(symbol) for symbol in CONSONANTS} & {"short vowels", "long vowels", "nasal vowels"}
    kinds = ("t̪ʰ", "ɡ", "m", "s", "ɾ", "k", "ə", "aː", "õː")
    assert [phone_class(kind) for kind in kinds] == [
        "aspirated stops",
        "voiced stops",
        "nasals",
        "fricatives",
        "liquids and glides",
        "voiceless stops",
        "short vowels",
        "long vowels",
        "nasal vowels",
    ]


def test_durations_reach_to_the_next_onset() -> None:
    recorded = phone_durations([(0.0, 0.02), (0.1, 0.12), (0.3, 0.32), (1.3, 1.32)])
    np.testing.assert_allclose(recorded, [0.1, 0.2, np.nan, np.nan])
    slower = phone_durations([(0.0, 0.02), (0.15, 0.2), (0.4, 0.5), (0.5, 0.6)])
    errors = duration_errors(["k", "aː", "n", "ə"], recorded, slower)
    assert errors == {"voiceless stops": [pytest.approx(0.05)], "long vowels": [pytest.approx(0.05)]}
