r"""# 1. State-space models

A state-space model turns a signal u(t) into a signal y(t) by way of a hidden state x(t) of N numbers:

```math
x'(t) = A x(t) + B u(t), \qquad y(t) = C x(t)
```

A is an N by N matrix, B a column and C a row of N numbers. There is one input and one output; a layer of a network
runs many such systems side by side. The whole book is about one question: how do we compute y for a long u, quickly
and without losing digits?
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from reference.annotated_s4.exact import difference, normal, same, sizes

# ## A system to play with
#
# Random matrices, moved to the left in the complex plane so that the system forgets: the eigenvalues of a random
# matrix of this scale fill the unit disc, and we want their real parts negative.


def random_ssm(seed: int, N: int) -> tuple[Array, Array, Array]:
    """A (N, N), B (N,), C (N,)."""
    A = normal(seed, N, N) / jnp.sqrt(N) - 1.5 * jnp.eye(N)
    return A, normal(seed + 1, N), normal(seed + 2, N)


# ## From time to steps
#
# A computer sees samples u₀, u₁, … taken every Δ seconds. We look for matrices Ā and B̄ with
#
# ```math
# x_k = \bar{A} x_{k-1} + \bar{B} u_k
# ```
#
# The *bilinear* method takes x' over a step as the mean of its values at both ends, which gives
#
# ```math
# \bar{A} = \left(I - \tfrac{\Delta}{2} A\right)^{-1} \left(I + \tfrac{\Delta}{2} A\right), \qquad
# \bar{B} = \left(I - \tfrac{\Delta}{2} A\right)^{-1} \Delta B
# ```
#
# (`@jax.jit` has JAX compile a function when it is first called. It changes nothing else.)


@jax.jit
def bilinear(A: Array, B: Array, dt: float | Array) -> tuple[Array, Array]:
    """Ā (N, N) and B̄ (N,)."""
    identity = jnp.eye(len(A))
    left = identity - dt / 2 * A
    return jnp.linalg.solve(left, identity + dt / 2 * A), jnp.linalg.solve(left, dt * B)


# The *zero-order hold* assumes instead that u stands still during a step. Then the differential equation has an exact
# solution:
#
# ```math
# \bar{A} = e^{\Delta A}, \qquad \bar{B} = \int_0^{\Delta} e^{s A} B \, ds
# ```
#
# Both come out of one matrix exponential, that of [[A, B], [0, 0]] (the held input is one more state that never
# changes). This needs no inverse of A, so it also works for a system that remembers for ever.


@jax.jit
def zero_order_hold(A: Array, B: Array, dt: float | Array) -> tuple[Array, Array]:
    """Ā (N, N) and B̄ (N,)."""
    N = len(A)
    held = jnp.zeros((N + 1, N + 1), A.dtype).at[:N, :N].set(A).at[:N, N].set(B)
    whole = jax.scipy.linalg.expm(dt * held)
    return whole[:N, :N], whole[:N, N]


# ## The recurrent form
#
# Stepping is a loop over time, `jax.lax.scan`. The state comes in and goes out: whoever wants to continue keeps it.


@jax.jit
def run_rnn(Ab: Array, Bb: Array, C: Array, u: Array, x: Array | None = None) -> tuple[Array, Array]:
    """u (L,) and the state x (N,), zero if not given → y (L,) and the state after the last step."""

    def step(x: Array, u_k: Array) -> tuple[Array, Array]:
        x = Ab @ x + Bb * u_k
        return x, C @ x

    start = jnp.zeros(len(Bb), Ab.dtype) if x is None else x
    x, y = jax.lax.scan(step, start, u)
    return y, x


def long_test_held_input_is_exact() -> None:
    """One long step of the zero-order hold equals eight short ones with the same input."""
    A, B, C = random_ssm(0, 4)
    u = normal(3, 16)
    coarse, _ = run_rnn(*zero_order_hold(A, B, 0.4), C, u)
    fine, _ = run_rnn(*zero_order_hold(A, B, 0.05), C, jnp.repeat(u, 8))
    same(coarse, fine[7::8])


def long_test_bilinear_is_of_second_order() -> None:
    """Half the step, a quarter of the error: free decay from a given state, against exp(A)."""
    A, B, _ = random_ssm(0, 4)
    x = normal(3, 4)
    exact = jax.scipy.linalg.expm(A) @ x
    errors = []
    for steps in (64, 128):
        Ab, _ = bilinear(A, B, 1 / steps)
        errors.append(difference(jnp.linalg.matrix_power(Ab, steps) @ x, exact))
    assert 3.9 < errors[0] / errors[1] < 4.1


# ## An example from mechanics
#
# A mass m hangs on a wall by a spring of stiffness k, in a liquid that brakes it by b times its speed, and a force u
# pushes it. Newton says m x'' = u - b x' - k x. With position and speed as the two states:
#
# ```math
# A = \begin{pmatrix} 0 & 1 \\ -k/m & -b/m \end{pmatrix}, \qquad
# B = \begin{pmatrix} 0 \\ 1/m \end{pmatrix}, \qquad C = \begin{pmatrix} 1 & 0 \end{pmatrix}
# ```
#
# ![A force that comes in three pushes, and the position that answers with damped swings](spring.png)


def spring(k: float = 40.0, b: float = 5.0, m: float = 1.0) -> tuple[Array, Array, Array]:
    """The state is (position, speed); the output is the position."""
    A = jnp.array([[0.0, 1.0], [-k / m, -b / m]])
    return A, jnp.array([0.0, 1.0 / m]), jnp.array([1.0, 0.0])


def pushes(L: int = 100) -> Array:
    """One second of force in L samples: the crests of sin(10 t) above one half."""
    t = jnp.arange(L) / L
    return jnp.sin(10 * t) * (jnp.sin(10 * t) > 0.5)


def long_test_spring_comes_to_rest() -> None:
    """Under a constant force u the mass ends where the spring pushes back as hard: at u / k."""
    A, B, C = spring(k=40.0)
    for discretise in (bilinear, zero_order_hold):
        y, _ = run_rnn(*discretise(A, B, 0.01), C, np.full(2000, 3.0))
        same(y[-1], 3.0 / 40.0)


# ## The convolutional form
#
# Start from a zero state and write the loop out:
#
# ```math
# y_0 = C \bar{B} u_0, \qquad y_1 = C \bar{A} \bar{B} u_0 + C \bar{B} u_1, \qquad
# y_k = \sum_{j=0}^{k} C \bar{A}^j \bar{B} u_{k-j}
# ```
#
# That is a convolution of u with the *kernel* K = (C B̄, C Ā B̄, C Ā² B̄, …). The kernel does not depend on the
# input, so once we have it, all outputs can be computed at the same time. Computed literally it costs O(N² L).


@partial(jax.jit, static_argnames="L")
def kernel_by_powers(Ab: Array, Bb: Array, C: Array, L: int) -> Array:
    """K (L,): what the output does after a single 1 at the input."""

    def step(x: Array, _: None) -> tuple[Array, Array]:
        return Ab @ x, C @ x

    return jax.lax.scan(step, Bb.astype(Ab.dtype), None, length=L)[1]


# ## Convolution by Fourier transform
#
# A product of two spectra is a convolution *on a circle*: what leaves at the end comes back at the start. Both
# sequences are first padded with as many zeros as they are long, so that only zeros meet at the seam. The cost is O(L
# log L).


@jax.jit
def convolve(u: Array, K: Array) -> Array:
    """y[k] = Σ_{j ≤ k} K[j] u[k-j]; both and the result are (L,)."""
    L = len(u)
    return jnp.fft.irfft(jnp.fft.rfft(u, 2 * L) * jnp.fft.rfft(K, 2 * L), 2 * L)[:L]


def convolve_by_definition(u: Array, K: Array) -> Array:
    return jnp.asarray(np.convolve(u, K)[: len(u)])


def test_nothing_comes_round_the_circle() -> None:
    for L in (1, 63, 64):
        u, K = normal(0, L), normal(1, L)
        same(convolve(u, K), convolve_by_definition(u, K))
    circle = np.fft.irfft(np.fft.rfft(u) * np.fft.rfft(K), L)
    assert difference(circle, convolve_by_definition(u, K)) > 0.1, "without padding it would be wrong"


# ## One system, two forms
#
# This is the fact on which everything rests: training reads a whole sequence as a convolution, speaking goes step by
# step, and both are the same function.


@sizes((4, 16), (64, 1024), slow=((64, 16384),))
def test_cnn_is_rnn(N: int, L: int) -> None:
    A, B, C = random_ssm(0, N)
    for discretise in (bilinear, zero_order_hold):
        Ab, Bb = discretise(A, B, 1 / L)
        u = normal(7, L)
        same(convolve(u, kernel_by_powers(Ab, Bb, C, L)), run_rnn(Ab, Bb, C, u)[0])
