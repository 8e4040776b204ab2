"""Drawing codes: a function of seed and position alone, with the probabilities that the logits give."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.sampling import NO_CODE, Sampler, draw_codes, seeded_noise
from ssmphony.types import SsmphonyError

LOGITS = np.log(np.array([0.5, 0.3, 0.15, 0.05], np.float32))
MANY = 4000


def shares(sampler: Sampler, codebook: int = 0) -> np.ndarray:
    codes = draw_codes(np.tile(LOGITS, (MANY, 1)), [5] * MANY, range(MANY), sampler, codebook)
    return np.bincount(codes, minlength=4) / MANY


def test_codes_come_as_often_as_their_logits_say() -> None:
    np.testing.assert_allclose(shares(Sampler()), np.exp(LOGITS), atol=0.03)
    squared = np.exp(2 * LOGITS) / np.exp(2 * LOGITS).sum()
    np.testing.assert_allclose(shares(Sampler(temperature=0.5)), squared, atol=0.03)


def test_what_is_unlikely_is_left_out() -> None:
    np.testing.assert_allclose(shares(Sampler(top_k=2)), [0.625, 0.375, 0, 0], atol=0.03)
    np.testing.assert_allclose(shares(Sampler(top_p=0.6)), [0.625, 0.375, 0, 0], atol=0.03)
    np.testing.assert_array_equal(shares(Sampler(temperature=0)), [1, 0, 0, 0])
    np.testing.assert_array_equal(shares(Sampler(top_k=1)), [1, 0, 0, 0])
    np.testing.assert_array_equal(shares(Sampler(top_p=1e-9)), [1, 0, 0, 0])


def test_a_draw_depends_on_its_own_seed_and_position_alone() -> None:
    logits, positions = np.random.default_rng(0).standard_normal((6, 50)).astype(np.float32), [0, 1, 7, 1 << 40, 3, 2]
    seeds = [1, 1, 2, -3, 1 << 70, 0]
    together = draw_codes(logits, seeds, positions, Sampler())
    for row in range(6):
        alone = draw_codes(logits[row : row + 1], seeds[row : row + 1], positions[row : row + 1], Sampler())
        assert alone[0] == together[row]


def test_codebooks_and_noise_do_not_share_numbers() -> None:
    flat = np.zeros((MANY, 64), np.float32)
    first, second = (draw_codes(flat, [0] * MANY, range(MANY), Sampler(), codebook) for codebook in (0, 1))
    assert abs((first == second).mean() - 1 / 64) < 0.02
    assert seeded_noise([0], [1], 4).tolist() != seeded_noise([0], [2], 4).tolist()


def test_recent_codes_are_drawn_less_often() -> None:
    sampler = Sampler(repetition_penalty=2.0, repetition_window=3)
    recent = np.tile(np.array([NO_CODE, 0, 0]), (MANY, 1))
    codes = draw_codes(np.tile(LOGITS, (MANY, 1)), [5] * MANY, range(MANY), sampler, 0, recent)
    expected = np.array([0.25, 0.3, 0.15, 0.05]) / 0.75  # the logarithm of a half, doubled
    np.testing.assert_allclose(np.bincount(codes, minlength=4) / MANY, expected, atol=0.03)
    none = np.full((MANY, 3), NO_CODE)
    np.testing.assert_array_equal(
        draw_codes(np.tile(LOGITS, (MANY, 1)), [5] * MANY, range(MANY), sampler, 0, none),
        draw_codes(np.tile(LOGITS, (MANY, 1)), [5] * MANY, range(MANY), Sampler()),
    )


def test_a_penalty_lowers_positive_logits_and_the_likeliest_code_too() -> None:
    logits = np.array([[2.0, 1.5, -1.0], [2.0, 1.5, -1.0]], np.float32)
    sampler = Sampler(temperature=0.0, repetition_penalty=1.5, repetition_window=1)
    assert draw_codes(logits, [0, 0], [0, 0], sampler, 0, np.array([[0], [1]])).tolist() == [1, 0]


def test_a_penalty_keeps_rows_apart_and_draws_by_seed_and_position() -> None:
    sampler = Sampler(repetition_penalty=1.7, repetition_window=4)
    random = np.random.default_rng(2)
    logits, recent = random.standard_normal((5, 20)).astype(np.float32), random.integers(-1, 20, (5, 4))
    seeds, positions = [3, 4, 5, 6, 7], [0, 9, 2, 5, 1]
    together = draw_codes(logits, seeds, positions, sampler, 1, recent)
    for row in range(5):
        one = slice(row, row + 1)
        assert draw_codes(logits[one], seeds[one], positions[one], sampler, 1, recent[one])[0] == together[row]


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -1},
        {"top_k": -1},
        {"top_p": 0},
        {"top_p": 1.5},
        {"repetition_penalty": 0.9},
        {"repetition_window": -1},
    ],
)
def test_settings_out_of_range(settings: dict[str, float]) -> None:
    with pytest.raises(SsmphonyError, match="out of range"):
        Sampler(**settings)  # type: ignore[arg-type]


def test_a_code_that_fills_the_last_frames_is_drawn_again() -> None:
    """From all codes at temperature 1, whatever the temperature of the first draw; others are left as they are."""
    sampler = Sampler(top_k=1, temperature=0.5, repetition_window=4, repetition_share=0.5)
    assert sampler.remembers == 4
    logits = np.tile(LOGITS, (MANY, 1))
    full, half = (np.tile(np.array(codes), (MANY, 1)) for codes in ([0, 0, 0, 1], [0, 0, 1, 1]))
    again = draw_codes(logits, [5] * MANY, range(MANY), sampler, 0, full)
    np.testing.assert_allclose(np.bincount(again, minlength=4) / MANY, np.exp(LOGITS), atol=0.03)
    assert not draw_codes(logits, [5] * MANY, range(MANY), sampler, 0, half).any()
    alone = draw_codes(logits[:1], [5], [77], sampler, 0, full[:1])
    assert alone[0] == again[77]


def test_a_row_may_ask_for_its_own_draw() -> None:
    asked = np.array([[0, -1, -1], [-1, 1, -1], [-1, -1, 1e-6], [-1, -1, -1]], np.float32)
    logits, sampler = np.tile(LOGITS, (4, 1)), Sampler(temperature=1.5)
    drawn = np.stack([draw_codes(logits, [0] * 4, [step] * 4, sampler, 0, None, asked) for step in range(200)])
    assert not drawn[:, :3].any()
    assert len(set(drawn[:, 3])) == 4
