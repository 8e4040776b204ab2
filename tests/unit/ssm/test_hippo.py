"""HiPPO matrices, their forms of low rank, and the diagonals made from them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ssmphony.ssm.hippo import HIPPO, dplr, fout, legs, legt, low_rank, nplr, s4d_inv, s4d_legs, s4d_lin, s4d_real

RANKS = {"legs": 1, "legt": 2, "fout": 1}
every_measure = pytest.mark.parametrize("measure", HIPPO)


def test_matrices_are_the_published_ones() -> None:
    a, b = legs(3)
    r3, r5, r15 = 3**0.5, 5**0.5, 15**0.5
    np.testing.assert_allclose(a, [[-1, 0, 0], [-r3, -2, 0], [-r5, -r15, -3]], atol=1e-14)
    np.testing.assert_allclose(b, [1, r3, r5])
    a, b = legt(3)
    np.testing.assert_allclose(a, [[-1, r3, -r5], [-r3, -3, r15], [-r5, -r15, -5]], atol=1e-14)
    np.testing.assert_allclose(b, [1, r3, r5])
    a, b = fout(3)
    r8, turn = 8**0.5, 2 * np.pi
    np.testing.assert_allclose(a, [[-2, -r8, 0], [-r8, -4, -turn], [0, turn, 0]], atol=1e-14)
    np.testing.assert_allclose(b, [2, r8, 0])


def test_even_fout_is_odd_fout_and_an_empty_state() -> None:
    a, b = fout(8)
    assert not a[1].any()
    assert not a[:, 1].any()
    used = [0, *range(2, 8)]
    np.testing.assert_array_equal(a[np.ix_(used, used)], fout(7)[0])
    np.testing.assert_array_equal(b[used], fout(7)[1])
    assert b[1] == 0


@every_measure
@pytest.mark.parametrize("n", [2, 8, 64, 256])
def test_nplr_rebuilds_the_matrix(measure: str, n: int) -> None:
    """To 1e-10 in float64; a halved low-rank term would be 35 % off."""
    a, b = HIPPO[measure](n)
    lam, p, b_rotated, v = nplr(measure, n)
    assert p.shape == (n, RANKS[measure])
    rebuilt = v @ (np.diag(lam) - p @ p.conj().T) @ v.conj().T
    assert np.linalg.norm(rebuilt - a) <= 1e-10 * np.linalg.norm(a)
    assert np.linalg.norm(v @ b_rotated - b) <= 1e-10 * np.linalg.norm(b)
    assert np.linalg.norm(v.conj().T @ v - np.eye(n)) <= 1e-10


def test_halved_low_rank_term_would_be_seen() -> None:
    a, _ = legs(64)
    lam, p, _, v = nplr("legs", 64)
    halved = v @ (np.diag(lam) - p @ p.conj().T / 2.0) @ v.conj().T
    assert np.linalg.norm(halved - a) > 0.3 * np.linalg.norm(a)


@every_measure
@pytest.mark.parametrize("n", [4, 64])
def test_the_sum_is_normal_and_needs_its_rank(measure: str, n: int) -> None:
    a, _ = HIPPO[measure](n)
    p = low_rank(measure, n)
    s = a + p @ p.T
    assert np.abs(s @ s.T - s.T @ s).max() <= 1e-10 * np.abs(s @ s.T).max()
    # The symmetric part is a multiple of the identity minus p p^T: its other eigenvalues tell the rank.
    values = np.linalg.eigvalsh((a + a.T) / 2.0)
    assert (np.abs(values - np.max(values)) > 1e-9).sum() == RANKS[measure]


@every_measure
def test_halves_are_conjugate_pairs_with_a_fixed_phase(measure: str) -> None:
    full, half = nplr(measure, 16), dplr(measure, 16)
    np.testing.assert_allclose(half.lam.real, -0.5 if measure == "legs" else 0.0, atol=1e-12)
    assert (half.lam.imag >= 0).all()
    np.testing.assert_allclose(full.lam[:8][::-1], half.lam.conj(), atol=1e-10)
    np.testing.assert_allclose(full.b[:8][::-1], half.b.conj(), atol=1e-10)
    np.testing.assert_allclose(full.p[:8][::-1], half.p.conj(), atol=1e-10)
    np.testing.assert_allclose(half.p[:, 0].imag, 0, atol=1e-12)
    assert (half.p[:, 0].real > 0).all()


def test_diagonal_initialisations() -> None:
    np.testing.assert_allclose(s4d_lin(6), [-0.5, -0.5 + 1j * np.pi, -0.5 + 2j * np.pi])
    np.testing.assert_allclose(s4d_inv(6), [-0.5 + 30j / np.pi, -0.5 + 6j / np.pi, -0.5 + 1.2j / np.pi])
    np.testing.assert_allclose(s4d_real(6), [-1, -2, -3])
    np.testing.assert_allclose(s4d_legs(64), dplr("legs", 64).lam)


def test_inverse_law_is_that_of_legs() -> None:
    """S4D-Inv was made to follow the largest eigenvalues of S4D-LegS (S4D paper, conjecture 5)."""
    largest = np.sort(s4d_legs(256).imag)[::-1][:3]
    np.testing.assert_allclose(s4d_inv(256).imag[:3], largest, rtol=0.02)


@pytest.mark.parametrize("make", [lambda n: dplr("legt", n), s4d_lin, s4d_legs, s4d_inv, s4d_real])
def test_odd_state_is_refused(make: Callable[[int], object]) -> None:
    with pytest.raises(ValueError, match="even"):
        make(5)
