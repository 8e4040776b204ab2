"""Drawing codes: a function of seed and position alone, with the probabilities that the logits give."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.sampling import Sampler, draw_codes, seeded_noise
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


@pytest.mark.parametrize("settings", [{"temperature": -1}, {"top_k": -1}, {"top_p": 0}, {"top_p": 1.5}])
def test_settings_out_of_range(settings: dict[str, float]) -> None:
    with pytest.raises(SsmphonyError, match="out of range"):
        Sampler(**settings)  # type: ignore[arg-type]
