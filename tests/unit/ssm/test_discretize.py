"""Discretisation against closed forms."""

from __future__ import annotations

import numpy as np
from scipy.linalg import expm

from reference.discretize import bilinear, zero_order_hold
from ssmphony.ssm.hippo import legs


def test_bilinear_of_a_scalar() -> None:
    a_bar, b_bar = bilinear(np.array([[-2.0]]), np.array([3.0]), 0.1)
    np.testing.assert_allclose(a_bar, [[0.9 / 1.1]])
    np.testing.assert_allclose(b_bar, [0.3 / 1.1])


def test_zero_order_hold_is_the_matrix_exponential() -> None:
    a, b = legs(6)
    a_bar, b_bar = zero_order_hold(a, b, 0.05)
    augmented = expm(0.05 * np.block([[a, b[:, None]], [np.zeros((1, 7))]]))
    np.testing.assert_allclose(a_bar, augmented[:6, :6], atol=1e-10)
    np.testing.assert_allclose(b_bar, augmented[:6, 6], atol=1e-10)


def test_both_converge_to_each_other() -> None:
    a, b = legs(4)
    for rule_a, rule_b in zip(bilinear(a, b, 1e-4), zero_order_hold(a, b, 1e-4), strict=True):
        np.testing.assert_allclose(rule_a, rule_b, rtol=1e-3, atol=1e-8)
