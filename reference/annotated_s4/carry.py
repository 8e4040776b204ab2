r"""# 4. State between pieces

Speech arrives in pieces, and leaves in pieces. A convolution starts from a zero state; what about the state that
the last piece left behind? The system is linear, so the answer is a sum: what the new input does, plus what the old
state does.

```math
y_k = \sum_{j=0}^{k} K_j u_{k-j} + C \bar{A}^{k+1} x
```
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from reference.annotated_s4.exact import normal, same, sizes
from reference.annotated_s4.hippo import legs
from reference.annotated_s4.kernel import DPLR, dense, dplr_legs, kernel_dplr, roots_of_unity, spectrum_dplr, truncate
from reference.annotated_s4.ssm import bilinear, convolve, kernel_by_powers, run_rnn

# ## An old state is one more kernel
#
# C Ā Āᵏ x has the form of a kernel in which x stands for B̄ and C Ā for C. So everything of chapter 3 computes it.


def echo(Ab: Array, C: Array, x: Array, L: int) -> Array:
    """What the state x (N,) adds to the next L outputs."""
    return kernel_by_powers(Ab, x, C @ Ab, L)


# The state after the piece is a sum as well: the old one L steps later, and each input after the steps it still had
# to go. Computed by Horner's rule that is the recurrence without its outputs.


@jax.jit
def last_state(Ab: Array, Bb: Array, u: Array, x: Array) -> Array:
    """Āᴸ x + Σ_j Āᴸ⁻¹⁻ʲ B̄ u[j], (N,)."""
    return jax.lax.scan(lambda x, u_k: (Ab @ x + Bb * u_k, None), x, u)[0]


def run_cnn(Ab: Array, Bb: Array, C: Array, u: Array, x: Array) -> tuple[Array, Array]:
    """`run_rnn` by convolution: u (L,) and the state x (N,) → y (L,) and the state after it."""
    y = convolve(u, kernel_by_powers(Ab, Bb, C, len(u))) + echo(Ab, C, x, len(u))
    return y, last_state(Ab, Bb, u, x)


def long_test_pieces_equal_the_whole() -> None:
    A, B = legs(64)
    Ab, Bb = bilinear(A, B, 0.001)
    C, u, x = normal(0, 64), normal(1, 1024), normal(2, 64)
    y, end = run_rnn(Ab, Bb, C, u, x)
    pieces = []
    for piece in jnp.split(u, [1, 400]):
        part, x = run_cnn(Ab, Bb, C, piece, x)
        pieces.append(part)
    same(jnp.concatenate(pieces), y)
    same(x, end)


# ## The echo in O(N L)
#
# In the generating function x takes the place of B̄. With I - Ā z = Δ/2 (I - Δ/2 A)⁻¹ [2/Δ (1-z) I - (1+z) A],
#
# ```math
# \left(I - \bar{A} z\right)^{-1} x
# = \tfrac{2}{\Delta} \left[ \tfrac{2}{\Delta} (1-z) I - (1+z) A \right]^{-1} \left(I - \tfrac{\Delta}{2} A\right) x
# ```
#
# so the fast kernel of chapter 3 gives the echo when B is replaced by (I - Δ/2 A) x / Δ. Multiplying a vector by a
# diagonal plus low-rank A is O(N).


def times_a(system: DPLR, x: Array) -> Array:
    """A x without the matrix."""
    return system.Lambda * x - system.P * (system.P.conj() @ x)


@partial(jax.jit, static_argnames="L")
def echo_dplr(system: DPLR, CAt: Array, dt: ArrayLike, x: Array, L: int) -> Array:
    """`echo` (L,), complex, by FFT; CAt (N,) is C Ā, truncated."""
    B = (x - dt / 2 * times_a(system, x)) / dt
    return jnp.fft.ifft(spectrum_dplr(system._replace(B=B), CAt, dt, roots_of_unity(L)))


# ## A step in O(N)
#
# Ā is a product of (I - Δ/2 A)⁻¹ and I + Δ/2 A. One is diagonal plus low rank, the other is the inverse of such a
# matrix, and Woodbury makes that diagonal plus low rank too. With D = 1 / (1 - Δ/2 Λ):
#
# ```math
# \left(I - \tfrac{\Delta}{2} A\right)^{-1} v
# = D v - \frac{\tfrac{\Delta}{2} D P \, (P^* D v)}{1 + \tfrac{\Delta}{2} P^* D P}
# ```


def solve_dplr(system: DPLR, dt: ArrayLike, v: Array) -> Array:
    """(I - Δ/2 A)⁻¹ v, (N,)."""
    Lambda, P, _ = system
    D = 1 / (1 - dt / 2 * Lambda)
    return D * v - dt / 2 * D * P * (P.conj() @ (D * v)) / (1 + dt / 2 * (P.conj() @ (D * P)))


def step_dplr(system: DPLR, dt: ArrayLike, x: Array, u_k: Array) -> Array:
    """Ā x + B̄ u[k], (N,)."""
    return solve_dplr(system, dt, x + dt / 2 * times_a(system, x) + dt * system.B * u_k)


@jax.jit
def run_dplr(system: DPLR, C: Array, dt: ArrayLike, u: Array, x: Array) -> tuple[Array, Array]:
    """u (L,) and the state x (N,) → y (L,), complex, and the state: O(N) a step, in constant memory."""

    def step(x: Array, u_k: Array) -> tuple[Array, Array]:
        x = step_dplr(system, dt, x, u_k)
        return x, C @ x

    x, y = jax.lax.scan(step, x, u)
    return y, x


@jax.jit
def discrete_dplr(system: DPLR, dt: ArrayLike) -> tuple[Array, Array]:
    """Ā (N, N) and B̄ (N,): the step of each unit vector."""
    zero = jnp.zeros(())
    Ab = jax.vmap(lambda e: step_dplr(system, dt, e, zero), out_axes=1)(jnp.eye(len(system.B), dtype=complex))
    return Ab, solve_dplr(system, dt, dt * system.B)


@sizes((64, 1024), slow=((8, 16), (64, 1023), (64, 16384)))
def test_fast_forms_carry_the_state(N: int, L: int) -> None:
    """S4 in its fast forms from a state that is not zero, against the dense matrix of HiPPO."""
    dt, C, u, x = 0.001, normal(0, N), normal(1, L), normal(2, N)
    y, end = run_rnn(*bilinear(*legs(N), dt), C, u, x)
    system, V = dplr_legs(N)
    C, x = C @ V, V.conj().T @ x
    stepped, last = run_dplr(system, C, dt, u, x)
    same(stepped, y)
    same(V @ last, end)
    Ab, Bb = discrete_dplr(system, dt)
    same(Ab, bilinear(dense(system), system.B, dt)[0])
    same(Bb, bilinear(dense(system), system.B, dt)[1])
    K = kernel_dplr(system, truncate(Ab, C, L), dt, L)
    same(convolve(u, K.real) + echo_dplr(system, truncate(Ab, C @ Ab, L), dt, x, L), y)
