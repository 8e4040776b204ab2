"""HiPPO matrices and the initialisations derived from them (float64, NumPy).

HiPPO-LegS remembers a signal by its coefficients in scaled Legendre polynomials (Gu et al. 2020). S4 needs it
in DPLR form, a diagonal minus a rank-one term (Gu et al. 2022, arXiv 2111.00396, appendix C.3); S4D keeps the
diagonal only (Gu et al. 2022, arXiv 2206.11893).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]

DT_MIN = 1e-3
DT_MAX = 1e-1


class NPLR(NamedTuple):
    """``a == v @ (diag(lam) - p p^H) @ v^H`` with ``v`` unitary; ``b`` is the input vector in the same basis.

    lam, p, b: (n,) complex; v: (n, n) complex. Eigenvalues ascend by imaginary part.
    """

    lam: Complex
    p: Complex
    b: Complex
    v: Complex


class DPLR(NamedTuple):
    """One of each conjugate pair of `NPLR`, imaginary part positive: lam, p, b are (n // 2,) complex."""

    lam: Complex
    p: Complex
    b: Complex


def legs(n: int) -> tuple[Real, Real]:
    """HiPPO-LegS: a (n, n) and b (n,).

    ``a[i, j] = -sqrt(2i+1) sqrt(2j+1)`` below the diagonal, ``-(i+1)`` on it, ``b[i] = sqrt(2i+1)``.
    """
    b = np.sqrt(2.0 * np.arange(n) + 1.0)
    return -(np.tril(np.outer(b, b)) - np.diag(np.arange(n, dtype=np.float64))), b


def nplr_legs(n: int) -> NPLR:
    """Normal plus low rank form of HiPPO-LegS: ``a + p p^T`` is normal for ``p = sqrt(i + 1/2)``.

    That normal matrix is ``-1/2 I`` plus a skew-symmetric one, so a Hermitian eigenproblem gives its unitary basis.
    """
    a, b = legs(n)
    p = np.sqrt(np.arange(n) + 0.5)
    normal = a + np.outer(p, p)
    imag, v = np.linalg.eigh(-1j * normal)
    lam = np.mean(np.diag(normal)) + 1j * imag
    # An eigenvector's phase is free: choose it so that p is real and positive, the same on every machine.
    phase = v.conj().T @ p
    v = v * (phase / np.abs(phase))[None, :]
    return NPLR(lam, v.conj().T @ p, v.conj().T @ b, v)


def dplr_legs(n: int) -> DPLR:
    """The half of `nplr_legs` that S4 stores; ``n`` must be even. Outputs take twice the real part."""
    _require_even(n)
    lam, p, b, _ = nplr_legs(n)
    return DPLR(lam[n // 2 :], p[n // 2 :], b[n // 2 :])


def s4d_legs(n: int) -> Complex:
    """S4D-LegS: the diagonal of the DPLR form, (n // 2,) complex."""
    return dplr_legs(n).lam


def s4d_lin(n: int) -> Complex:
    """S4D-Lin: ``-1/2 + i pi k``, (n // 2,) complex."""
    _require_even(n)
    return (-0.5 + 1j * np.pi * np.arange(n // 2)).astype(np.complex128)


def _require_even(n: int) -> None:
    if n < 2 or n % 2:
        raise ValueError(f"d_state must be even and at least 2 (conjugate pairs), got {n}")
