"""HiPPO matrices and the initialisations derived from them (float64, NumPy).

HiPPO remembers a signal by its coefficients in a family of functions (Gu et al. 2020, arXiv 2008.07669; the Fourier
window in arXiv 2206.12037). S4 needs its matrices in DPLR form, a diagonal minus a term of low rank (Gu et al. 2022,
arXiv 2111.00396, appendix C); S4D keeps a diagonal only (Gu et al. 2022, arXiv 2206.11893).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float64]
Complex = npt.NDArray[np.complex128]
Measure = Literal["legs", "legt", "fout"]

DT_MIN = 1e-3
DT_MAX = 1e-1


class NPLR(NamedTuple):
    """``a == v @ (diag(lam) - p @ p^H) @ v^H`` with ``v`` unitary; ``b`` is the input vector in the same basis.

    lam, b: (n,) complex; p: (n, rank) complex; v: (n, n) complex. Eigenvalues ascend by imaginary part.
    """

    lam: Complex
    p: Complex
    b: Complex
    v: Complex


class DPLR(NamedTuple):
    """One of each conjugate pair of `NPLR`, imaginary part not negative: lam, b (n // 2,), p (n // 2, rank) complex."""

    lam: Complex
    p: Complex
    b: Complex


def legs(n: int) -> tuple[Real, Real]:
    """HiPPO-LegS, the whole past ever more coarsely: a (n, n) and b (n,).

    ``a[i, j] = -sqrt(2i+1) sqrt(2j+1)`` below the diagonal, ``-(i+1)`` on it, ``b[i] = sqrt(2i+1)``.
    """
    b = np.sqrt(2.0 * np.arange(n) + 1.0)
    return -(np.tril(np.outer(b, b)) - np.diag(np.arange(n, dtype=np.float64))), b


def legt(n: int) -> tuple[Real, Real]:
    """HiPPO-LegT, the last second in Legendre polynomials: a (n, n) and b (n,).

    ``a[i, j] = -sqrt(2i+1) sqrt(2j+1)``, times ``(-1)^(i-j)`` above the diagonal, ``b[i] = sqrt(2i+1)``.
    """
    i = np.arange(n)
    b = np.sqrt(2.0 * i + 1.0)
    sign = np.where(i[:, None] >= i, 1.0, 1.0 - 2.0 * ((i[:, None] - i) % 2))
    return -sign * np.outer(b, b), b


def fout(n: int) -> tuple[Real, Real]:
    """HiPPO-FouT, the last second in waves ``1, sqrt(2) cos 2 pi s, sqrt(2) sin 2 pi s, …``: a (n, n) and b (n,).

    ``a = r - 2 w w^T`` and ``b = 2 w``: ``r`` turns each cosine and sine by ``2 pi k``, ``w`` holds the waves at s = 0.
    With n even the constant has a partner too, the sine of frequency 0, which stays empty.
    """
    pairs = (n + 1) // 2
    rotations = np.kron(np.diag(2.0 * np.pi * np.arange(pairs)), [[0.0, -1.0], [1.0, 0.0]])
    waves = np.tile([2.0**0.5, 0.0], pairs)
    waves[0] = 1.0
    used = np.arange(2 * pairs) != (1 if n % 2 else -1)
    return (rotations - 2.0 * np.outer(waves, waves))[np.ix_(used, used)], 2.0 * waves[used]


HIPPO: dict[Measure, Callable[[int], tuple[Real, Real]]] = {"legs": legs, "legt": legt, "fout": fout}


def low_rank(measure: Measure, n: int) -> Real:
    """p (n, rank) so that ``a + p p^T`` is normal: of rank 1 for LegS and FouT, 2 for LegT.

    LegT needs two vectors, over the even and over the odd polynomials. FouT needs one in real waves, two where complex
    waves (arXiv 2008.07669) are written in real numbers.
    """
    root = np.sqrt(2.0 * np.arange(n) + 1.0)
    if measure == "legs":
        return (root / 2.0**0.5)[:, None]
    if measure == "legt":
        even = np.arange(n) % 2 == 0
        return np.stack([root * even, root * ~even], axis=1)
    return (fout(n)[1] / 2.0**0.5)[:, None]


def nplr(measure: Measure, n: int) -> NPLR:
    """Normal plus low rank form of a HiPPO matrix; ``n`` must be even.

    The normal matrix is a multiple of the identity (LegS: -1/2, LegT and FouT: 0) plus a skew-symmetric one, so a
    Hermitian eigenproblem gives its unitary basis.
    """
    _require_even(n)
    a, b = HIPPO[measure](n)
    p = low_rank(measure, n)
    normal = a + p @ p.T
    imag, v = _fourier_basis(n) if measure == "fout" else np.linalg.eigh(-1j * normal)
    lam = np.mean(np.diag(normal)) + 1j * imag
    # An eigenvector's phase is free: choose it so that p (its first column) is real and positive on every machine.
    phase = v.conj().T @ p[:, 0]
    v = v * (phase / np.abs(phase))[None, :]
    return NPLR(lam, v.conj().T @ p, v.conj().T @ b, v)


def dplr(measure: Measure, n: int) -> DPLR:
    """The half of `nplr` that S4 stores; ``n`` must be even. Outputs take twice the real part."""
    lam, p, b, _ = nplr(measure, n)
    return DPLR(lam[n // 2 :], p[n // 2 :], b[n // 2 :])


def s4d_legs(n: int) -> Complex:
    """S4D-LegS: the diagonal of the DPLR form of LegS, (n // 2,) complex."""
    return dplr("legs", n).lam


def s4d_lin(n: int) -> Complex:
    """S4D-Lin: ``-1/2 + i pi k``, (n // 2,) complex."""
    _require_even(n)
    return (-0.5 + 1j * np.pi * np.arange(n // 2)).astype(np.complex128)


def s4d_inv(n: int) -> Complex:
    """S4D-Inv: ``-1/2 + i n / pi (n / (2k + 1) - 1)``, (n // 2,) complex."""
    _require_even(n)
    return (-0.5 + 1j * n / np.pi * (n / (2.0 * np.arange(n // 2) + 1.0) - 1.0)).astype(np.complex128)


def s4d_real(n: int) -> Complex:
    """S4D-Real: ``-(k + 1)``, the eigenvalues of LegS; (n // 2,) complex without imaginary part."""
    _require_even(n)
    return -(np.arange(n // 2) + 1.0).astype(np.complex128)


def _fourier_basis(n: int) -> tuple[Real, Complex]:
    """Frequencies (n,) and basis (n, n) in which the rotations of `fout` are diagonal, conjugates mirrored.

    Written out: of the two zeros in its spectrum a numerical eigenbasis need not be a conjugate pair.
    """
    imag = 2.0 * np.pi * np.arange(n // 2, dtype=np.float64)
    half = np.kron(np.eye(n // 2), [[1.0], [-1j]]) / 2.0**0.5
    return np.concatenate([-imag[::-1], imag]), np.hstack([half.conj()[:, ::-1], half])


def _require_even(n: int) -> None:
    if n < 2 or n % 2:
        raise ValueError(f"d_state must be even and at least 2 (conjugate pairs), got {n}")
