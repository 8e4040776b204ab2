r"""# 2. HiPPO: a state that remembers

A random A forgets quickly, or explodes. HiPPO (Gu et al. 2020, arXiv 2008.07669) turns the question round: *which*
A and B make the state a good summary of the past? Fix a family of functions φ₀, φ₁, … of "how long ago", and ask
that at every moment the state holds the coefficients of the past in that family:

```math
x_n(t) = \int u(t - s) \, \varphi_n(s) \, w(s) \, ds
```

where w(s) says how much the past s seconds ago counts. For some families these coefficients obey a linear differential
equation x' = A x + B u, and that equation *is* the state-space model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from reference.annotated_s4.exact import difference, normal, same
from reference.annotated_s4.ssm import bilinear, run_rnn

Basis = Callable[[Array, int], Array]

# ## Legendre polynomials
#
# They are orthogonal on [-1, 1]; P_n has degree n and P_n(1) = 1. On [0, 1], with the factor √(2n+1), they are
# orthonormal.


@partial(jax.jit, static_argnames="N")
def legendre(z: Array, N: int) -> Array:
    """√(2n+1) P_n(z) for n < N by (n+1) P_{n+1} = (2n+1) z P_n - n P_{n-1}; z (T,) → (T, N)."""
    columns = [jnp.ones_like(z), z]
    for n in range(1, N - 1):
        columns.append(((2 * n + 1) * z * columns[n] - n * columns[n - 1]) / (n + 1))
    return jnp.stack(columns[:N], -1) * jnp.sqrt(2 * jnp.arange(N) + 1)


def gauss(points: int) -> tuple[Array, Array]:
    """Places and weights of Gauss-Legendre quadrature on [0, 1]: exact for polynomials of degree < 2 points."""
    z, w = np.polynomial.legendre.leggauss(points)
    return jnp.asarray((z + 1) / 2), jnp.asarray(w / 2)


def long_test_legendre_is_orthonormal() -> None:
    s, w = gauss(16)
    phi = np.asarray(legendre(2 * s - 1, 16))
    same(phi.T @ (np.asarray(w)[:, None] * phi), np.eye(16))


# ## LegS: the whole past, scaled
#
# The window is everything since the start, stretched to [0, 1]. Its coefficients obey x' = (A x + B u) / t with
#
# ```math
# A_{nk} = - \begin{cases} \sqrt{2n+1} \sqrt{2k+1} & k < n \\ n+1 & k = n \\ 0 & k > n \end{cases}
# \qquad B_n = \sqrt{2n+1}
# ```


def legs(N: int) -> tuple[Array, Array]:
    """A (N, N), B (N,)."""
    B = jnp.sqrt(2.0 * jnp.arange(N) + 1)
    return -(jnp.tril(jnp.outer(B, B)) - jnp.diag(jnp.arange(N))), B


def test_legs_follows_the_coefficients() -> None:
    """d/dt of ∫₀¹ f(t r) φ(r) dr, by automatic differentiation, is (A x + B f) / t. No approximation is involved."""
    A, B = legs(16)
    r, w = gauss(200)

    def f(t: Array) -> Array:
        return jnp.sin(3 * t) + t**2

    def x(t: Array) -> Array:
        return (w * f(t * r)) @ legendre(2 * r - 1, 16)

    t = jnp.asarray(2.0)
    value, slope = jax.jit(lambda t: jax.jvp(x, (t,), (jnp.ones(()),)))(t)
    same(slope, (A @ value + B * f(t)) / t)


# S4 drops the 1/t and uses x' = A x + B u. That is still a memory, of another past: the state is then the
# coefficients against √(2n+1) P_n(2 e⁻ˢ - 1) with weight w(s) = e⁻ˢ. Recent seconds are seen sharply and old ones
# ever more coarsely. In particular exp(s A) B, the response to a single pulse s seconds ago, must be φ(s) e⁻ˢ.


def legs_basis(s: Array, N: int) -> Array:
    """φ_n(s) of the time-invariant LegS, s seconds ago: (T,) → (T, N)."""
    return legendre(2 * jnp.exp(-s) - 1, N)


def long_test_legs_without_clock_is_a_fading_memory() -> None:
    A, B = legs(16)
    response = jax.jit(lambda s: jax.scipy.linalg.expm(s * A) @ B)
    for s in (0.0, 0.1, 1.0, 3.0):
        same(response(s), legs_basis(jnp.array([s]), 16)[0] * np.exp(-s))


# ## LegT: a window that slides
#
# Only the last second counts, all of it equally: φ_n(s) = √(2n+1) P_n(1 - 2s) on [0, 1]. Differentiating the integral
# gives u(t) at one end of the window, which we know, and u(t-1) at the other, which we have forgotten. HiPPO reads the
# forgotten value from the memory itself: u(t-1) ≈ Σ x_n φ_n(1).
#
# ```math
# A_{nk} = - \sqrt{2n+1} \sqrt{2k+1} \begin{cases} 1 & k \le n \\ (-1)^{n-k} & k > n \end{cases}
# \qquad B_n = \sqrt{2n+1}
# ```


def legt(N: int) -> tuple[Array, Array]:
    """A (N, N), B (N,) for a window of one second; for θ seconds divide both by θ."""
    n = jnp.arange(N)
    B = jnp.sqrt(2.0 * n + 1)
    sign = jnp.where(n[:, None] >= n, 1.0, (-1.0) ** (n[:, None] - n))
    return -sign * jnp.outer(B, B), B


def legt_basis(s: Array, N: int) -> Array:
    return legendre(1 - 2 * s, N)


# ## FouT: the window in sines and cosines
#
# The same window with φ = (1, √2 cos 2πs, √2 sin 2πs, √2 cos 4πs, …). Let b = φ(0) = φ(1), and R the rotations with
# φ' = R φ. A Fourier series gives the mean of both ends at the seam, so u(t-1) ≈ 2 bᵀx - u(t), and
#
# ```math
# A = R - 2 b b^T, \qquad B = 2 b
# ```


def fout(N: int) -> tuple[Array, Array]:
    """A (N, N), B (N,) for a window of one second; N is odd, a constant and (N - 1) / 2 frequencies."""
    b, R = np.zeros(N), np.zeros((N, N))
    b[0] = 1
    for k in range(1, (N + 1) // 2):
        cosine, sine = 2 * k - 1, 2 * k
        b[cosine] = np.sqrt(2)
        R[cosine, sine], R[sine, cosine] = -2 * np.pi * k, 2 * np.pi * k
    return jnp.asarray(R - 2 * np.outer(b, b)), jnp.asarray(2 * b)


@partial(jax.jit, static_argnames="N")
def fout_basis(s: Array, N: int) -> Array:
    angles = 2 * jnp.pi * s[:, None] * jnp.arange(1, (N + 1) // 2)
    waves = jnp.sqrt(2.0) * jnp.stack([jnp.cos(angles), jnp.sin(angles)], -1)
    return jnp.concatenate([jnp.ones((len(s), 1)), waves.reshape(len(s), N - 1)], -1)


# Where the forgotten value happens to be read without error, the equations hold exactly: LegT for every polynomial of
# degree < N, FouT for every sum of its own waves. That tests all entries of A and B at once.


def check_window(A: Array, B: Array, basis: Basis, f: Callable[[Array], Array]) -> None:
    s, w = gauss(200)

    def x(t: Array) -> Array:
        return (w * f(t - s)) @ basis(s, len(B))

    t = jnp.asarray(0.3)
    value, slope = jax.jit(lambda t: jax.jvp(x, (t,), (jnp.ones(()),)))(t)
    same(slope, A @ value + B * f(t))


def test_windows_follow_the_coefficients() -> None:
    check_window(*legt(17), legt_basis, lambda t: 1 - 2 * t + t**7 - 0.3 * t**16)
    check_window(*fout(17), fout_basis, lambda t: 1 + jnp.sin(2 * jnp.pi * t) - 0.5 * jnp.cos(16 * jnp.pi * t))


# ## What the state remembers
#
# Run a signal through the system, throw it away, and rebuild it from the N numbers of the last state: the
# coefficients times the basis functions. LegS sees the last tenth of a second best and old times blurred; the windows
# see one second evenly and nothing before it.
#
# ![A smooth random signal and what 65 numbers recall of it, for LegS, LegT and FouT](memory.png)


def remember(A: Array, B: Array, u: Array, dt: float) -> Array:
    """The state (N,) after the samples u (L,), taken every dt seconds."""
    return run_rnn(*bilinear(A, B, dt), jnp.zeros(len(B)), u)[1]


def recall(x: Array, basis: Basis, s: Array) -> Array:
    """The signal s (T,) seconds ago, from the state x (N,) alone."""
    return basis(s, len(x)) @ x


def smooth_noise(seed: int, t: Array, waves: int = 10) -> Array:
    """A signal without period: waves of random frequency (up to 5 Hz), strength and phase."""
    strength, phase = normal(seed, waves), 2 * jnp.pi * jax.random.uniform(jax.random.PRNGKey(seed + 1), (waves,))
    frequency = 5 * jax.random.uniform(jax.random.PRNGKey(seed + 2), (waves,))
    return jnp.sin(2 * jnp.pi * t[:, None] * frequency + phase) @ strength / jnp.sqrt(waves)


def forgotten(N: int) -> dict[str, float]:
    """Root mean square error over the last second, of a signal of size 0.56, for each kind of memory."""
    dt = 1e-3
    u, s = smooth_noise(0, dt * jnp.arange(4000)), (jnp.arange(1000) + 0.5) * dt
    kinds = {"legs": (legs, legs_basis), "legt": (legt, legt_basis), "fout": (fout, fout_basis)}
    errors = {}
    for name, (system, basis) in kinds.items():
        error = np.asarray(recall(remember(*system(N), u, dt), basis, s)) - np.asarray(u)[::-1][:1000]
        errors[name] = float(np.sqrt(np.mean(error**2)))
    return errors


def long_test_the_past_can_be_read_from_the_state() -> None:
    errors = forgotten(33)
    assert errors["legs"] < 0.03, "what is old is seen coarsely"
    assert errors["legt"] < 0.001
    assert errors["fout"] < 0.1, "the jump at the seam of the window rings (Gibbs)"


def long_test_more_states_remember_more() -> None:
    few, many = forgotten(9), forgotten(33)
    assert all(many[name] < few[name] / 2 for name in few)


# ## Discretising costs stability, or nothing
#
# The eigenvalues of LegS are -1, -2, …, -N: it forgets, and the bilinear step keeps that for every Δ. Its
# eigen*vectors* however are so nearly parallel that nobody should ever compute with them. Chapter 3 needs another way
# to a diagonal.


def long_test_legs_must_not_be_diagonalised() -> None:
    A, B = legs(64)
    Ab, _ = bilinear(A, B, 0.1)
    assert float(jnp.max(jnp.abs(jnp.linalg.eigvals(Ab)))) < 1
    _, V = np.linalg.eig(np.asarray(A))
    assert np.linalg.cond(V) > 1e14
    assert difference(V @ np.diag(np.diag(A)) @ np.linalg.inv(V), A) > 1e-9
