"""Mu-law codes: exact at the ends, silent at zero, and finest where it is quiet."""

from __future__ import annotations

import numpy as np

from ssmphony.audio.mu_law import LEVELS, SILENCE, decode, encode, unigram_bits


def test_every_code_comes_back() -> None:
    codes = np.arange(LEVELS)
    assert np.array_equal(encode(decode(codes)), codes)


def test_zero_is_silence_and_full_scale_is_kept() -> None:
    assert encode(np.zeros(3, np.float32)).tolist() == [SILENCE] * 3
    assert decode(np.array([SILENCE])).tolist() == [0.0]
    np.testing.assert_allclose(decode(encode(np.array([-1.0, 1.0, 2.0], np.float32))), [-1.0, 1.0, 1.0], atol=1e-6)


def test_the_error_grows_with_the_level() -> None:
    x = np.linspace(-1, 1, 20_001).astype(np.float32)
    error = np.abs(decode(encode(x)) - x)
    assert error.max() < 0.025
    assert error[np.abs(x) < 0.01].max() < 5e-4


def test_unigram_bits() -> None:
    assert unigram_bits(np.arange(LEVELS)) == 8.0
    assert unigram_bits(np.full(9, 7)) == 0.0
    assert unigram_bits(np.array([0, 0, 1, 2])) == 1.5
