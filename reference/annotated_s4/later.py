r"""# 6. What came after: selection, duality, rotation

S4's matrices do not depend on the input, and that is what makes it a convolution. Its successors give the convolution
up: what a state keeps may depend on what is read. This chapter derives them with the tools of the first four. There are
no Cauchy sums any more; what stays is a state that goes from step to step.

All functions take one row: x (L, …), and return y and the last state.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from reference.annotated_s4.exact import difference, normal, same, sizes
from reference.annotated_s4.ssm import run_rnn, zero_order_hold

# ## Selection: Mamba
#
# Mamba (Gu and Dao 2023, arXiv 2312.00752) keeps the diagonal A of S4D and lets the input choose Δ, B and C at every
# step. A large Δ makes a state forget and read; Δ = 0 leaves it as it is, and skips the input. The decay is the
# zero-order hold of chapter 1, and the input comes in by the Euler rule, of which (e^{Δλ} - 1) / λ ≈ Δ is the first
# term:
#
# ```math
# h_t = e^{\Delta_t A} h_{t-1} + \Delta_t B_t x_t, \qquad y_t = C_t h_t
# ```
#
# One channel; a layer runs many side by side, and they share B and C.


def selective(x: Array, dt: Array, A: Array, B: Array, C: Array, h: Array) -> tuple[Array, Array]:
    """x, dt (L,), A and the state h (N,), B and C (L, N) → y (L,) and the state."""

    def step(h: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        x, dt, B, C = inputs
        h = jnp.exp(dt * A) * h + dt * B * x
        return h, C @ h

    h, y = jax.lax.scan(step, h, (x, dt, B, C))
    return y, h


def random_selective(L: int, N: int = 8) -> tuple[Array, ...]:
    A, h = -jnp.exp(normal(5, N)), normal(6, N)
    return normal(0, L), 0.1 * jnp.exp(normal(1, L)), A, normal(2, L, N), normal(3, L, N), h


def test_without_selection_it_is_a_state_space_model_again() -> None:
    """Constant Δ, B and C, and the exact hold (e^{Δλ} - 1) / λ in the place of Δ: chapter 1."""
    x, _, A, B, C, h = random_selective(50)
    dt, b, c = 0.1, B[0], C[0]
    held = jnp.expm1(dt * A) / A / dt * b
    y, last = selective(x, jnp.full(50, dt), A, jnp.tile(held, (50, 1)), jnp.tile(c, (50, 1)), h)
    expected, end = run_rnn(*zero_order_hold(jnp.diag(A), b, dt), c, x, h)
    same(y, expected)
    same(last, end)


def test_a_step_of_zero_skips_the_input() -> None:
    x, dt, A, B, C, h = random_selective(20)
    _, last = selective(x, dt.at[10:].set(0.0), A, B, C, h)
    same(last, selective(x[:10], dt[:10], A, B[:10], C[:10], h)[1])


# ## A scan that is not a loop
#
# A step maps h to a h + b. Two of them in a row are a map of the same kind,
#
# ```math
# a_2 (a_1 h + b_1) + b_2 = (a_2 a_1) h + (a_2 b_1 + b_2)
# ```
#
# and to compose maps is associative: it does not matter which neighbours are joined first. So L steps can be joined in
# log L rounds, with all processors at work. That is Mamba's *parallel scan*.


def selective_in_rounds(x: Array, dt: Array, A: Array, B: Array, C: Array, h: Array) -> tuple[Array, Array]:
    """As `selective`."""

    def join(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        return second[0] * first[0], second[0] * first[1] + second[1]

    a, b = jnp.exp(dt[:, None] * A), (dt * x)[:, None] * B
    decay, driven = jax.lax.associative_scan(join, (a, b))
    states = decay * h + driven
    return jnp.sum(C * states, -1), states[-1]


@sizes((37,), slow=((4096,),))
def test_the_parallel_scan_equals_the_loop(L: int) -> None:
    for ours, theirs in zip(selective_in_rounds(*random_selective(L)), selective(*random_selective(L)), strict=True):
        same(ours, theirs)


# ## Duality: Mamba-2
#
# Mamba-2 (Dao and Gu 2024, arXiv 2405.21060) gives all states of a head one decay, a_t = exp(Δ_t A) with a *number* A,
# and P channels at once, so that the state is a matrix (P, N). Write the loop out, as chapter 1 did for the
# convolution:
#
# ```math
# y_t = \sum_{s \le t} \left( C_t^T B_s \right) a_t a_{t-1} \cdots a_{s+1} \, \Delta_s x_s
# ```
#
# This is *attention* without a softmax: queries C, keys B, values Δ x, and a mask L whose entry (t, s) is the product
# of the decays in between. The same function has two forms, a loop in O(L) and a product of matrices in O(L²):
#
# ```math
# Y = \left( L \circ C B^T \right) X, \qquad L_{ts} = \prod_{r=s+1}^{t} a_r
# ```


def duality_loop(x: Array, dt: Array, A: Array, B: Array, C: Array, h: Array) -> tuple[Array, Array]:
    """x (L, P), dt (L,), the number A, B and C (L, N), the state h (P, N) → y (L, P) and the state."""

    def step(h: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        x, dt, B, C = inputs
        h = jnp.exp(dt * A) * h + dt * jnp.outer(x, B)
        return h, h @ C

    h, y = jax.lax.scan(step, h, (x, dt, B, C))
    return y, h


def decays(dt: Array, A: Array) -> Array:
    """The mask (L, L). The sum goes from s on: a difference of two sums from zero would lose its digits."""
    L = len(dt)
    between = jnp.where(jnp.tril(jnp.ones((L, L)), -1) > 0, (dt * A)[:, None], 0.0)
    return jnp.where(jnp.tril(jnp.ones((L, L))) > 0, jnp.exp(jnp.cumsum(between, 0)), 0.0)


def duality_matrix(x: Array, dt: Array, A: Array, B: Array, C: Array, h: Array) -> tuple[Array, Array]:
    """As `duality_loop`. An old state is one more input, as in chapter 4: it comes before the first decay."""
    mask, driven = decays(dt, A), dt[:, None] * x
    whole = jnp.exp(jnp.cumsum(dt * A))
    y = (mask * (C @ B.T)) @ driven + whole[:, None] * (C @ h.T)
    return y, whole[-1] * h + (mask[-1][:, None] * driven).T @ B


# The fast form takes both: matrices within chunks of some 64 steps, the loop from chunk to chunk.


def duality_chunks(x: Array, dt: Array, A: Array, B: Array, C: Array, h: Array, steps: int) -> tuple[Array, Array]:
    """As `duality_loop`, for a length that is a multiple of ``steps``."""
    parts = []
    for start in range(0, len(x), steps):
        cut = slice(start, start + steps)
        y, h = duality_matrix(x[cut], dt[cut], A, B[cut], C[cut], h)
        parts.append(y)
    return jnp.concatenate(parts), h


@sizes((48, 16), slow=((1024, 64),))
def test_the_loop_is_a_product_of_matrices(L: int, steps: int) -> None:
    given = (normal(0, L, 3), 0.1 * jnp.exp(normal(1, L)), jnp.asarray(-2.0), normal(2, L, 5), normal(3, L, 5))
    h = normal(4, 3, 5)
    for form in (duality_matrix(*given, h), duality_chunks(*given, h, steps)):
        for ours, theirs in zip(form, duality_loop(*given, h), strict=True):
            same(ours, theirs)


# ## Rotation: Mamba-3
#
# A real decay cannot count: no real a ≥ 0 makes a state return to where it was. S4's eigenvalues were complex, which
# turns the state while it fades. Mamba-3 (2026) brings this back with an angle that the input chooses. A complex number
# times e^{iθ} is a pair of real numbers turned by θ, and a turn of all that came before is the same as a turn of B and
# C by the *sum* of the angles: the turn of what entered at s and is read at t is θ_{s+1} + … + θ_t, a difference of two
# sums.
#
# ```math
# \operatorname{Re} \left( \bar{c}_t \, e^{i (\theta_{s+1} + \dots + \theta_t)} \, b_s \right)
# = \left( R_t \, c_t \right)^T \left( R_s \, b_s \right), \qquad R_t = \text{turn by } - (\theta_1 + \dots + \theta_t)
# ```
#
# So a complex Mamba is a real Mamba-2 with rotary embeddings, and every fast form above still serves.


def turned(pairs: Array, angle: Array) -> Array:
    """pairs (…, N, 2) turned by the angles (…, N)."""
    re, im = pairs[..., 0], pairs[..., 1]
    return jnp.stack([re * jnp.cos(angle) - im * jnp.sin(angle), re * jnp.sin(angle) + im * jnp.cos(angle)], -1)


def test_a_complex_state_is_a_real_one_with_turned_maps() -> None:
    L, N = 60, 4
    x, dt, A, theta = normal(0, L), 0.1 * jnp.exp(normal(1, L)), jnp.asarray(-0.5), normal(2, L, N)
    B, C = normal(3, L, N, 2), normal(4, L, N, 2)
    b, c = (part[..., 0] + 1j * part[..., 1] for part in (B, C))

    def step(h: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        x, dt, theta, b, c = inputs
        h = jnp.exp(dt * A + 1j * theta) * h + dt * b * x
        return h, jnp.sum(c.conj() * h).real

    _, expected = jax.lax.scan(step, jnp.zeros(N, complex), (x, dt, theta, b, c))
    total = jnp.cumsum(theta, 0)
    into, out = (turned(part, -total).reshape(L, 2 * N) for part in (B, C))
    y, _ = duality_loop(x[:, None], dt, A, into, out, jnp.zeros((1, 2 * N)))
    same(y[:, 0], expected)


def test_parity_needs_a_turn() -> None:
    """Half a turn for every one in the input: the state says whether there was an odd number of them."""
    bits = np.random.default_rng(0).integers(0, 2, 200)
    angle = jnp.cumsum(jnp.pi * jnp.asarray(bits))
    state = turned(jnp.tile(jnp.array([1.0, 0.0]), (200, 1)), angle)
    same(state[:, 0], 1.0 - 2.0 * (np.cumsum(bits) % 2))


# ## A trapezoid instead of a rectangle
#
# Mamba's Euler rule takes the input of a step from its end. The bilinear method of chapter 1 took the mean of both ends
# and was of second order; Mamba-3 does so for the input, with a share λ_t that it learns:
#
# ```math
# h_t = e^{\Delta_t A} \left( h_{t-1} + (1 - \lambda_t) \Delta_t B_{t-1} x_{t-1} \right) + \lambda_t \Delta_t B_t x_t
# ```
#
# λ = 1 is Mamba-2, λ = ½ the trapezoidal rule. Each input now comes in at two neighbouring steps, as if through a
# convolution of length two: Mamba-3 needs no other one.


def trapezoid(
    x: Array, dt: Array, A: Array, B: Array, C: Array, share: Array, h: Array, before: Array
) -> tuple[Array, Array]:
    """As `duality_loop`, with A, share (L,) and what the step before the first gave, x Bᵀ (P, N)."""

    def step(carry: tuple[Array, Array], inputs: tuple[Array, ...]) -> tuple[tuple[Array, Array], Array]:
        (h, before), (x, dt, A, B, C, share) = carry, inputs
        now = jnp.outer(x, B)
        h = jnp.exp(dt * A) * (h + (1 - share) * dt * before) + share * dt * now
        return (h, now), h @ C

    (h, _), y = jax.lax.scan(step, (h, before), (x, dt, A, B, C, share))
    return y, h


def test_the_trapezoid_is_of_second_order() -> None:
    """h' = -h + sin(3 t) from rest to t = 1: half the step, a quarter of the error, and half of it for Mamba's rule."""
    exact = (np.sin(3.0) - 3 * np.cos(3.0) + 3 * np.exp(-1.0)) / 10

    def error(L: int, share: float) -> float:
        ones, t = jnp.ones((L, 1)), (jnp.arange(L) + 1.0) / L
        constant = (jnp.full(L, 1 / L), jnp.full(L, -1.0), ones, ones, jnp.full(L, share))
        _, h = trapezoid(jnp.sin(3 * t)[:, None], *constant, jnp.zeros((1, 1)), jnp.zeros((1, 1)))
        return difference(h[0, 0], exact)

    assert 3.9 < error(64, 0.5) / error(128, 0.5) < 4.1
    assert 1.9 < error(64, 1.0) / error(128, 1.0) < 2.1


# ## A state that is overwritten: the delta rule
#
# In all of the above a state fades, but nothing can be taken out of it: what is written to a key adds to what the key
# held. The gated delta rule (Yang et al. 2024, arXiv 2412.06464) first reads what the state S (values, keys) has for
# the key k, and writes the difference to the value v:
#
# ```math
# S_t = \alpha_t S_{t-1} + \beta_t \left( v_t - \alpha_t S_{t-1} k_t \right) k_t^T
# = \alpha_t S_{t-1} \left( I - \beta_t k_t k_t^T \right) + \beta_t v_t k_t^T
# ```
#
# The bracket is no diagonal matrix, and products of many of them have no short form. It is the first recurrence of this
# book that no change of basis makes diagonal.


def delta_rule(q: Array, k: Array, v: Array, alpha: Array, beta: Array, S: Array) -> tuple[Array, Array]:
    """q, k (L, K) with keys of length 1, v (L, V), alpha, beta (L,), the state S (V, K) → y (L, V) and the state."""

    def step(state: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
        q, k, v, alpha, beta = inputs
        faded = alpha * state
        state = faded + beta * jnp.outer(v - faded @ k, k)
        return state, state @ q

    last, y = jax.lax.scan(step, S, (q, k, v, alpha, beta))
    return y, last


def test_a_key_holds_what_was_written_last() -> None:
    """Two keys at right angles, written many times: each gives back its last value, and not the sum of all."""
    keys, values = jnp.eye(4)[:2], normal(0, 40, 3)
    k = keys[jnp.arange(40) % 2]
    _, S = delta_rule(k, k, values, jnp.ones(40), jnp.ones(40), jnp.zeros((3, 4)))
    same(S @ keys.T, values[-2:].T)
