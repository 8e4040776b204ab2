"""HiPPO-LegS and the matrices made from it."""

from __future__ import annotations

import numpy as np
import pytest

from ssmphony.ssm.hippo import dplr_legs, legs, nplr_legs, s4d_legs, s4d_lin


def test_legs_is_the_published_matrix() -> None:
    a, b = legs(3)
    r3, r5, r15 = 3**0.5, 5**0.5, 15**0.5
    np.testing.assert_allclose(a, [[-1, 0, 0], [-r3, -2, 0], [-r5, -r15, -3]], atol=1e-14)
    np.testing.assert_allclose(b, [1, r3, r5])


@pytest.mark.parametrize("n", [2, 8, 64, 256])
def test_nplr_rebuilds_legs(n: int) -> None:
    """Source 1 halved the low-rank term, 35 % wrong; here the matrix comes back to 1e-10."""
    a, b = legs(n)
    lam, p, b_rotated, v = nplr_legs(n)
    rebuilt = v @ (np.diag(lam) - np.outer(p, p.conj())) @ v.conj().T
    assert np.linalg.norm(rebuilt - a) <= 1e-10 * np.linalg.norm(a)
    assert np.linalg.norm(v @ b_rotated - b) <= 1e-10 * np.linalg.norm(b)
    assert np.linalg.norm(v.conj().T @ v - np.eye(n)) <= 1e-10


def test_halved_low_rank_term_would_be_seen() -> None:
    a, _ = legs(64)
    lam, p, _, v = nplr_legs(64)
    halved = v @ (np.diag(lam) - np.outer(p, p.conj()) / 2.0) @ v.conj().T
    assert np.linalg.norm(halved - a) > 0.3 * np.linalg.norm(a)


@pytest.mark.parametrize("n", [4, 64])
def test_the_sum_is_normal(n: int) -> None:
    a, _ = legs(n)
    p = np.sqrt(np.arange(n) + 0.5)
    s = a + np.outer(p, p)
    assert np.abs(s @ s.T - s.T @ s).max() <= 1e-10 * np.abs(s @ s.T).max()


def test_halves_are_conjugate_pairs_with_a_fixed_phase() -> None:
    full, half = nplr_legs(16), dplr_legs(16)
    np.testing.assert_allclose(half.lam.real, -0.5, atol=1e-12)
    assert (half.lam.imag > 0).all()
    np.testing.assert_allclose(full.lam[:8][::-1], half.lam.conj(), atol=1e-10)
    np.testing.assert_allclose(full.b[:8][::-1], half.b.conj(), atol=1e-10)
    np.testing.assert_allclose(half.p.imag, 0, atol=1e-12)
    assert (half.p.real > 0).all()


def test_diagonal_initialisations() -> None:
    np.testing.assert_allclose(s4d_lin(6), [-0.5, -0.5 + 1j * np.pi, -0.5 + 2j * np.pi])
    np.testing.assert_allclose(s4d_legs(64), dplr_legs(64).lam)


@pytest.mark.parametrize("make", [dplr_legs, s4d_lin, s4d_legs])
def test_odd_state_is_refused(make: object) -> None:
    with pytest.raises(ValueError, match="even"):
        make(5)  # type: ignore[operator]
