"""# 3. The kernel in O(N L)

Chapter 1 computed the kernel K = (C B̄, C Ā B̄, C Ā² B̄, …) by stepping: L products with an N by N matrix. S4 (Gu
et al. 2022, arXiv 2111.00396) finds all of its L numbers from L *independent* small problems, each of size O(N).
The road has four stations: a generating function, a matrix inverse instead of powers, a diagonal matrix, and a
correction of rank one.

Everywhere C is a row vector that multiplies without conjugation, and P* is the conjugate transpose of P.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from reference.annotated_s4.exact import normal, same, sizes
from reference.annotated_s4.hippo import fout, legs
from reference.annotated_s4.ssm import bilinear, kernel_by_powers, random_ssm

# ## The truncated generating function
#
# Write the kernel as the coefficients of a polynomial. Engineers know it as the *z-transform* of the kernel, with z in
# the place of their z⁻¹, cut off after L terms; of a kernel without an end it is the system's transfer function,
# C (I - Ā z)⁻¹ B̄. The geometric series closes it:
#
# ```math
# \hat{K}(z) = \sum_{l<L} C \bar{A}^l \bar{B} z^l
# = C \left(I - \bar{A}^L z^L\right) \left(I - \bar{A} z\right)^{-1} \bar{B}
# ```
#
# At the L-th roots of unity zᴸ = 1, so the first bracket no longer depends on z: it goes into C̃ = C (I - Āᴸ), once.
# Powers have become an inverse.


def roots_of_unity(L: int) -> Array:
    """exp(-2πi k/L), (L,)."""
    return jnp.exp(-2j * jnp.pi * jnp.arange(L) / L)


@partial(jax.jit, static_argnames="L")
def truncate(Ab: Array, C: Array, L: int) -> Array:
    """C̃ = C (I - Āᴸ), (N,)."""
    return C - C @ jnp.linalg.matrix_power(Ab, L)


@partial(jax.jit, static_argnames="L")
def untruncate(Ab: Array, Ct: Array, L: int) -> Array:
    """The C of a C̃: what a trained kernel needs before it can step."""
    return jnp.linalg.solve((jnp.eye(len(Ab)) - jnp.linalg.matrix_power(Ab, L)).T, Ct)


@jax.jit
def generating_function(Ab: Array, Bb: Array, Ct: Array, z: Array) -> Array:
    """K̂ at each z (L,), by one dense solve each."""
    return jax.vmap(lambda z: Ct @ jnp.linalg.solve(jnp.eye(len(Ab)) - z * Ab, Bb.astype(complex)))(z)


# Values of a polynomial at the roots of unity are its discrete Fourier transform. The way back is the inverse one.


def kernel_from_spectrum(spectrum: Array) -> Array:
    """K (L,) from K̂ at the L roots of unity."""
    return jnp.fft.ifft(spectrum)


@sizes((8, 16), slow=((64, 1024),))
def test_inverse_fourier_transform_gives_the_kernel(N: int, L: int) -> None:
    A, B, C = random_ssm(0, N)
    Ab, Bb = bilinear(A, B, 1 / L)
    spectrum = generating_function(Ab, Bb, truncate(Ab, C, L), roots_of_unity(L))
    same(kernel_from_spectrum(spectrum), kernel_by_powers(Ab, Bb, C, L))
    same(untruncate(Ab, truncate(Ab, C, L), L), C)


def long_test_forgetting_to_truncate_is_wrong() -> None:
    """With C in place of C̃ the kernel's tail beyond L is folded back onto its head."""
    A, B, C = random_ssm(0, 4)
    Ab, Bb = bilinear(A, B, 1 / 16)
    spectrum = generating_function(Ab, Bb, C, roots_of_unity(16))
    K = kernel_by_powers(Ab, Bb, C, 16)
    assert jnp.max(jnp.abs(kernel_from_spectrum(spectrum) - K)) > 0.1 * jnp.max(jnp.abs(K))


# ## Back to the continuous A
#
# For the bilinear Ā the inverse can be written with A itself:
#
# ```math
# \left(I - \bar{A} z\right)^{-1} \bar{B} = 2 \left[ \tfrac{2}{\Delta} (1-z) I - (1+z) A \right]^{-1} B
# ```
#
# (Multiply both sides by I - Δ/2 A.) The paper divides by 1+z, and then has a pole at z = -1, a root of unity for
# every even L. In the form above there is none: at z = -1 the bracket is just 4/Δ, and the value Δ/2 C̃ B.


@jax.jit
def generating_function_of_a(A: Array, B: Array, Ct: Array, dt: ArrayLike, z: Array) -> Array:
    """K̂ at each z (L,), from the continuous system."""

    def at(z: Array) -> Array:
        bracket = 2 / dt * (1 - z) * jnp.eye(len(A)) - (1 + z) * A
        return 2 * Ct @ jnp.linalg.solve(bracket, B.astype(complex))

    return jax.vmap(at)(z)


def test_no_pole_at_minus_one() -> None:
    A, B, C = random_ssm(0, 8)
    Ab, Bb = bilinear(A, B, 0.1)
    minus_one = jnp.array([-1.0 + 0j])
    same(generating_function_of_a(A, B, C, 0.1, minus_one), jnp.array([0.05 * C @ B + 0j]))
    for z in (minus_one, roots_of_unity(16)):
        same(generating_function_of_a(A, B, C, 0.1, z), generating_function(Ab, Bb, C, z))


# ## A diagonal A: the Cauchy kernel
#
# If A = Λ is diagonal, the inverse is a division, and K̂ is a sum of N fractions for each z:
#
# ```math
# \hat{K}(z) = 2 \sum_n \frac{\tilde{C}_n B_n}{\tfrac{2}{\Delta} (1-z) - (1+z) \lambda_n}
# ```


def resolvent(Lambda: Array, dt: ArrayLike, z: Array) -> Array:
    """1 / (2/Δ (1-z) - (1+z) λ), (L, N): finite at every root of unity as long as no λ is zero."""
    return 1 / (2 / dt * (1 - z)[:, None] - (1 + z)[:, None] * Lambda)


@jax.jit
def spectrum_diagonal(Lambda: Array, B: Array, Ct: Array, dt: ArrayLike, z: Array) -> Array:
    return 2 * resolvent(Lambda, dt, z) @ (Ct * B)


def random_diagonal(seed: int, N: int) -> tuple[Array, Array, Array]:
    """Λ with negative real parts, B and C, all (N,) complex."""
    a, b, c, d, e, f = normal(seed, 6, N)
    return -jnp.exp(a) + 3j * b, c + 1j * d, e + 1j * f


def long_test_diagonal_case_is_a_cauchy_kernel() -> None:
    N, L = 64, 1024
    Lambda, B, C = random_diagonal(0, N)
    Ab, Bb = bilinear(jnp.diag(Lambda), B, 1 / L)
    spectrum = spectrum_diagonal(Lambda, B, truncate(Ab, C, L), 1 / L, roots_of_unity(L))
    same(kernel_from_spectrum(spectrum), kernel_by_powers(Ab, Bb, C, L))


# ## Diagonal plus low rank: Woodbury
#
# HiPPO matrices are not diagonal in any basis one can compute with, but diagonal up to a rank-one term: A = Λ - P P*.
# So what must be inverted is 2/Δ (1-z) I - (1+z) A = M + s P P*, a diagonal M = 2/Δ (1-z) I - (1+z) Λ plus a rank-one
# term, s = 1+z. To solve (M + s P P*) x = b, call the number P* x = y. Then x = M⁻¹ b - s M⁻¹ P y, and P* from the left
# says what y is:
#
# ```math
# y = P^* M^{-1} b - s \left(P^* M^{-1} P\right) y, \qquad y = \frac{P^* M^{-1} b}{1 + s P^* M^{-1} P}
# ```
#
# Put back, that is the *Woodbury identity* for rank one (Sherman and Morrison's formula):
#
# ```math
# \left(M + s P P^*\right)^{-1} = M^{-1} - \frac{s \, M^{-1} P P^* M^{-1}}{1 + s P^* M^{-1} P}
# ```
#
# Between C̃ on the left and B on the right it is four Cauchy sums. With R = M⁻¹ = resolvent(Λ):
#
# ```math
# \hat{K} = 2 \left[ \tilde{C} R B - \frac{s \, (\tilde{C} R P) (P^* R B)}{1 + s P^* R P} \right]
# ```
#
# At z = -1 the correction vanishes, because s does. Using the same P on both sides also makes the system stable
# whenever Re Λ < 0: then A + A* = 2 Re Λ - 2 P P* is negative.


class DPLR(NamedTuple):
    """A = diag(Lambda) - P P*, and the input B in the same basis. All (N,) complex."""

    Lambda: Array
    P: Array
    B: Array


@jax.jit
def spectrum_dplr(system: DPLR, Ct: Array, dt: ArrayLike, z: Array) -> Array:
    """K̂ at each z (L,): O(N L), no matrix anywhere."""
    Lambda, P, B = system
    sums = resolvent(Lambda, dt, z) @ jnp.stack([Ct * B, Ct * P, P.conj() * B, P.conj() * P], -1)
    cb, cp, pb, pp = sums.T
    return 2 * (cb - (1 + z) * cp * pb / (1 + (1 + z) * pp))


@jax.jit
def dense(system: DPLR) -> Array:
    """A (N, N)."""
    return jnp.diag(system.Lambda) - jnp.outer(system.P, system.P.conj())


@partial(jax.jit, static_argnames="L")
def kernel_dplr(system: DPLR, Ct: Array, dt: ArrayLike, L: int) -> Array:
    """S4's kernel (L,), complex. C̃ = `truncate`(Ā, C, L)."""
    return kernel_from_spectrum(spectrum_dplr(system, Ct, dt, roots_of_unity(L)))


def random_dplr(seed: int, N: int) -> tuple[DPLR, Array]:
    Lambda, B, C = random_diagonal(seed, N)
    return DPLR(Lambda, (normal(seed + 1, N) + 1j * normal(seed + 2, N)) / jnp.sqrt(N), B), C


def test_woodbury_equals_dense() -> None:
    system, C = random_dplr(0, 8)
    z = roots_of_unity(16)  # -1 among them
    same(spectrum_dplr(system, C, 0.1, z), generating_function_of_a(dense(system), system.B, C, 0.1, z))
    same(spectrum_dplr(system, C, 0.1, z)[8], 0.05 * C @ system.B)


# ## HiPPO is normal plus low rank
#
# LegS is not normal, but A + P Pᵀ with P_n = √(n+1/2) is. For P_n P_k = ½ √(2n+1) √(2k+1), so the sum has
#
# ```math
# \left(A + P P^T\right)_{nk} = \begin{cases}
# - \tfrac{1}{2} \sqrt{2n+1} \sqrt{2k+1} & k < n \\
# -(n+1) + (n+\tfrac{1}{2}) = - \tfrac{1}{2} & k = n \\
# + \tfrac{1}{2} \sqrt{2n+1} \sqrt{2k+1} & k > n \end{cases}
# ```
#
# It is -½ I + S with Sᵀ = -S. Such a matrix commutes with its transpose, (-½ I + S)(-½ I - S) = ¼ I - S² either way,
# which is what normal means. A normal matrix has a *unitary* basis of eigenvectors V, which loses no digits; -i S is
# Hermitian, and its eigenproblem finds V and real numbers, the imaginary parts of Λ. All real parts are -½. FouT,
# R - 2 b bᵀ, has that form by construction.


def nplr(A: Array, P: Array) -> tuple[Array, Array]:
    """Λ (N,) and the unitary V (N, N) with A + P Pᵀ = V diag(Λ) V*; eigenvalues ascend by imaginary part."""
    normal_part = A + jnp.outer(P, P)
    imaginary, V = jnp.linalg.eigh(-1j * (normal_part - normal_part.T) / 2)
    return jnp.mean(jnp.diag(normal_part)) + 1j * imaginary, V


@jax.jit
def dplr(A: Array, B: Array, P: Array) -> tuple[DPLR, Array]:
    """The system in the basis of its normal part, and V: the old state is V times the new one."""
    Lambda, V = nplr(A, P)
    return DPLR(Lambda, V.conj().T @ P, V.conj().T @ B), V


def dplr_legs(N: int) -> tuple[DPLR, Array]:
    return dplr(*legs(N), jnp.sqrt(jnp.arange(N) + 0.5))


def test_hippo_is_normal_plus_low_rank() -> None:
    P = jnp.sqrt(jnp.arange(64) + 0.5)
    skew = legs(64)[0] + jnp.outer(P, P) + jnp.eye(64) / 2
    same(skew, -skew.T)
    system, V = dplr_legs(64)
    same(V @ dense(system) @ V.conj().T, legs(64)[0])
    same(V.conj().T @ V, jnp.eye(64))
    A, B = fout(65)
    Lambda, V = nplr(A, B / jnp.sqrt(2.0))
    same(V @ jnp.diag(Lambda) @ V.conj().T, A + jnp.outer(B, B) / 2)
    same(jnp.sort(Lambda.imag)[33:], 2 * jnp.pi * jnp.arange(1, 33))


# ## The whole of S4
#
# The kernel of HiPPO-LegS by FFT from Cauchy sums, against stepping with its dense matrix: eight states or 64,
# seventeen samples or 16,384, odd lengths and even ones.


@sizes((64, 1024), slow=((8, 17), (64, 1023), (64, 16384)))
def test_s4_equals_stepping(N: int, L: int) -> None:
    dt, C = 1 / 1000, normal(0, N)
    A, B = legs(N)
    slow = kernel_by_powers(*bilinear(A, B, dt), C, L)
    system, V = dplr_legs(N)
    Ab, _ = bilinear(dense(system), system.B, dt)
    same(kernel_dplr(system, truncate(Ab, C @ V, L), dt, L), slow)


# ## Half of the states are enough
#
# A is real, so Λ comes in conjugate pairs, and each half of a pair adds the conjugate of what the other adds. Store
# the half with positive imaginary part and take twice the real part. Note that P P* of the *whole* system is meant:
# the sums of the other half are the conjugates of those at conj(z).


def half(system: DPLR) -> DPLR:
    """The N / 2 representatives with positive imaginary part; N is even."""
    return DPLR(*(value[len(value) // 2 :] for value in system))


def whole(values: Array) -> Array:
    """Both halves of conjugate pairs, (N/2,) → (N,)."""
    return jnp.concatenate([values, values.conj()])


def long_test_conjugate_pairs() -> None:
    system, V = dplr_legs(8)
    C = (normal(0, 8) @ V)[4:]
    both = DPLR(*map(whole, half(system)))
    K = kernel_by_powers(*bilinear(dense(both), both.B, 0.01), whole(C), 100)
    same(K, kernel_by_powers(*bilinear(legs(8)[0], legs(8)[1], 0.01), normal(0, 8), 100))


# ## S4D: the diagonal alone
#
# Gupta et al. (DSS, arXiv 2203.14343) found, and Gu et al. (S4D, arXiv 2206.11893) explained, that with the Λ of LegS
# the low-rank term may be dropped. With the zero-order hold each state is then a geometric series, and the kernel a
# product with a Vandermonde matrix. B is absorbed in C.
#
# ```math
# K_l = 2 \operatorname{Re} \sum_n C_n \frac{e^{\Delta \lambda_n} - 1}{\lambda_n} \, e^{\Delta \lambda_n l}
# ```
#
# ![The imaginary parts of the 64 eigenvalues, and the fading wave that one pair adds to the kernel](kernels.png)


@partial(jax.jit, static_argnames="L")
def kernel_s4d(Lambda: Array, C: Array, dt: ArrayLike, L: int) -> Array:
    """Λ and C (N/2,), one of each pair → K (L,), real."""
    weights = C * jnp.expm1(dt * Lambda) / Lambda
    return 2 * (weights @ jnp.exp(dt * Lambda[:, None] * jnp.arange(L))).real


# DSS divides each series by its own sum instead, a softmax over time. The sum of L terms of a geometric series is
# (exp(Δ λ L) - 1) / (exp(Δ λ) - 1), so this is S4D with another C: the truncation of C̃ in disguise.


@partial(jax.jit, static_argnames="L")
def kernel_dss(Lambda: Array, W: Array, dt: ArrayLike, L: int) -> Array:
    series = jnp.exp(dt * Lambda[:, None] * jnp.arange(L))
    return 2 * ((W / Lambda) @ (series / jnp.sum(series, -1, keepdims=True))).real


@sizes((64, 1024), slow=((64, 16384),))
def test_s4d_equals_stepping(N: int, L: int) -> None:
    Lambda = half(dplr_legs(N)[0]).Lambda
    C = normal(0, N // 2) + 1j * normal(1, N // 2)
    Ab, Bb = jnp.diag(jnp.exp(0.001 * Lambda)), jnp.expm1(0.001 * Lambda) / Lambda
    same(kernel_s4d(Lambda, C, 0.001, L), 2 * kernel_by_powers(Ab, Bb, C, L).real)
    same(kernel_dss(Lambda, C, 0.001, L), kernel_s4d(Lambda, C / jnp.expm1(0.001 * L * Lambda), 0.001, L))
