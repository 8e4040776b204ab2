"""Trimming, cutting and looking for pauses, on sounds whose pauses are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssmphony.data.silence import cut_spans, loud_seconds, quietest, silence_near, trim_span
from tests.unit.data.corpora import RATE, buzz, phrase


def test_edges_keep_at_most_what_is_asked() -> None:
    samples = phrase(-0.4, 1.0, -0.7)
    start, stop = trim_span(samples, RATE, keep_s=0.05)
    assert start / RATE == pytest.approx(0.35, abs=0.011)
    assert stop / RATE == pytest.approx(1.45, abs=0.011)
    assert trim_span(buzz(0.5), RATE) == (0, len(buzz(0.5)))


def test_steady_noise_is_not_sound() -> None:
    noise = np.random.default_rng(0).normal(0, 0.002, round(2.1 * RATE)).astype(np.float32)
    start, end = loud_seconds(phrase(-0.4, 1.0, -0.7) + noise[: len(phrase(-0.4, 1.0, -0.7))], RATE)
    assert (start, end) == (pytest.approx(0.4, abs=0.02), pytest.approx(1.4, abs=0.02))


def test_padding_of_an_encoder_does_not_hide_the_noise_floor() -> None:
    """An MP3 decoder puts digital silence around a noisy recording."""
    noise = np.random.default_rng(0).normal(0, 0.002, round(2.1 * RATE)).astype(np.float32)
    noisy = phrase(-0.4, 1.0, -0.7) + noise[: len(phrase(-0.4, 1.0, -0.7))]
    start, end = loud_seconds(np.concatenate((phrase(-0.3), noisy, phrase(-0.3))), RATE)
    assert (start, end) == (pytest.approx(0.7, abs=0.02), pytest.approx(1.7, abs=0.02))


def test_a_click_at_the_edge_is_no_sound_but_a_final_stop_is() -> None:
    click = phrase(-0.1, 1.0, -0.5, 0.02, -0.1)
    assert loud_seconds(click, RATE)[1] == pytest.approx(1.1, abs=0.02)
    stop = phrase(-0.1, 1.0, -0.09, 0.02, -0.1)
    assert loud_seconds(stop, RATE)[1] == pytest.approx(1.21, abs=0.02)


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(5000, np.float32)])
def test_silence_has_no_span(samples: np.ndarray) -> None:
    assert trim_span(samples, RATE) == (0, 0)


def test_cuts_lie_in_the_pauses() -> None:
    samples = phrase(4.0, -0.5, 5.0, -0.3, 6.0, -0.4, 3.0)
    spans = cut_spans(samples, RATE, 2.0, 12.0)
    assert [start for start, _ in spans][1:] == [stop for _, stop in spans][:-1]
    assert spans[0][0] == 0
    assert spans[-1][1] == len(samples)
    for _, stop in spans[:-1]:
        assert np.abs(samples[stop - 1000 : stop + 1000]).max() == 0.0


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0.2, 9.0), st.floats(0.05, 0.8)), min_size=1, max_size=6))
def test_spans_are_in_range_ordered_and_lose_less_than_the_shortest(parts: list[tuple[float, float]]) -> None:
    samples = phrase(*[part for sound, pause in parts for part in (sound, -pause)], rate=8000)
    spans = cut_spans(samples, 8000, 2.0, 6.0)
    assert all(2.0 - 0.02 <= (stop - start) / 8000 <= 6.0 + 0.02 for start, stop in spans)
    assert all(left[1] == right[0] for left, right in zip(spans, spans[1:], strict=False))
    assert len(samples) - (spans[-1][1] if spans else 0) < 2.0 * 8000 + 80


def test_a_stretch_without_pause_is_cut_where_it_is_quietest() -> None:
    samples = buzz(10.0)
    samples[round(4.0 * RATE) : round(4.05 * RATE)] *= np.float32(0.3)
    (_, cut), *_ = cut_spans(samples, RATE, 2.0, 6.0)
    assert 4.0 <= cut / RATE <= 4.06


def test_the_pause_at_a_word_boundary_is_found_whichever_word_has_it() -> None:
    samples = phrase(1.0, -0.3, 1.0, -0.2, 1.0)
    for boundary in (1.0, 1.15, 1.3):
        assert silence_near(samples, RATE, boundary, 0.2, 2.2) == (
            pytest.approx(1.0, abs=0.02),
            pytest.approx(1.3, abs=0.02),
        )
    assert silence_near(samples, RATE, 0.5, 0.2, 2.2) == (0.5, 0.5)


def test_quietest_prefers_the_longest_silence() -> None:
    samples = phrase(1.0, -0.1, 1.0, -0.3, 1.0)
    assert quietest(samples, RATE, 0.5, 3.0) / RATE == pytest.approx(2.25, abs=0.02)
