"""# 5. A network of S4 layers

A layer runs H systems side by side, one for each channel, then mixes the channels. Weights are a plain dictionary
of real arrays, every function is pure, and a step of the network is as short as a pass over a whole sequence.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from reference.annotated_s4.carry import discrete_dplr, step_dplr
from reference.annotated_s4.exact import normal, same, sizes
from reference.annotated_s4.kernel import DPLR, dplr_legs, half, roots_of_unity, spectrum_dplr, untruncate, whole
from reference.annotated_s4.ssm import convolve

Weights = dict[str, Any]

# ## Weights
#
# Each channel starts as HiPPO-LegS with a step Δ of its own, between a thousandth and a tenth: some channels watch
# the last ten samples, others the last thousand. Complex numbers are stored as real pairs, the decay and Δ as
# logarithms, so that no step of the optimiser can make the system unstable. As in the paper the *truncated* C̃ is
# learnt, for one length.


def linear(rng: np.random.Generator, inputs: int, outputs: int) -> Weights:
    return {"w": rng.normal(size=(inputs, outputs)) / np.sqrt(inputs), "b": np.zeros(outputs)}


def s4_layer(rng: np.random.Generator, H: int, N: int) -> Weights:
    """H systems of N states, in conjugate pairs, and the linear map that mixes them."""

    def pairs(values: Array) -> Array:
        return jnp.tile(jnp.stack([values.real, values.imag], -1), (H, 1, 1))

    Lambda, P, B = half(dplr_legs(N)[0])
    ssm = {
        "log_decay": jnp.tile(jnp.log(-Lambda.real), (H, 1)),
        "frequency": jnp.tile(Lambda.imag, (H, 1)),
        "P": pairs(P),
        "B": pairs(B),
        "log_dt": rng.uniform(np.log(1e-3), np.log(1e-1), H),
    }
    Ct = rng.normal(size=(H, N // 2, 2)) * np.sqrt(0.5)
    return {"ssm": ssm, "Ct": Ct, "D": rng.normal(size=H), "mix": linear(rng, H, 2 * H), "scale": np.ones(H)}


def network(seed: int, inputs: int, outputs: int, H: int = 32, N: int = 16, layers: int = 3) -> Weights:
    rng = np.random.default_rng(seed)
    weights = {
        "encode": linear(rng, inputs, H),
        "layers": [s4_layer(rng, H, N) for _ in range(layers)],
        "decode": linear(rng, H, outputs),
    }
    return jax.tree.map(jnp.asarray, weights)


# ## A sequence at once
#
# The kernel is real, so half of the roots of unity determine the other half. `jax.vmap` turns functions of one channel
# into functions of all.


def complex_of(pairs: Array) -> Array:
    return pairs[..., 0] + 1j * pairs[..., 1]


def system_of(ssm: Weights) -> tuple[DPLR, Array]:
    """The whole system (both halves of the pairs) and Δ of one channel."""
    Lambda = -jnp.exp(ssm["log_decay"]) + 1j * ssm["frequency"]
    return DPLR(whole(Lambda), whole(complex_of(ssm["P"])), whole(complex_of(ssm["B"]))), jnp.exp(ssm["log_dt"])


def channel_kernel(ssm: Weights, Ct: Array, L: int) -> Array:
    """K (L,), real, of one channel."""
    system, dt = system_of(ssm)
    return jnp.fft.irfft(spectrum_dplr(system, whole(complex_of(Ct)), dt, roots_of_unity(L)[: L // 2 + 1]), L)


def layer_kernel(layer: Weights, L: int) -> Array:
    """K (H, L)."""
    return jax.vmap(lambda ssm, Ct: channel_kernel(ssm, Ct, L))(layer["ssm"], layer["Ct"])


def affine(weights: Weights, x: Array) -> Array:
    return x @ weights["w"] + weights["b"]


def normalise(layer: Weights, x: Array) -> Array:
    """Root mean square norm over the channels (the last axis)."""
    return layer["scale"] * x / jnp.sqrt(jnp.mean(x**2, -1, keepdims=True) + 1e-6)


def mix(layer: Weights, y: Array) -> Array:
    """GELU, then a linear map to 2 H channels, one half of which gates the other."""
    value, gate = jnp.split(affine(layer["mix"], jax.nn.gelu(y)), 2, axis=-1)
    return value * jax.nn.sigmoid(gate)


def run_network(weights: Weights, x: Array, K: list[Array]) -> Array:
    """x (L, inputs) → (L, outputs), from kernels K of each layer (H, L)."""
    x = affine(weights["encode"], x)
    for layer, kernel in zip(weights["layers"], K, strict=True):
        u = normalise(layer, x)
        y = jax.vmap(convolve, in_axes=(1, 0), out_axes=1)(u, kernel) + layer["D"] * u
        x = x + mix(layer, y)
    return affine(weights["decode"], x)


def run_batch(weights: Weights, x: Array) -> Array:
    """x (batch, L, inputs) → (batch, L, outputs): the kernels are the same for all rows, and computed once."""
    K = [layer_kernel(layer, x.shape[1]) for layer in weights["layers"]]
    return jax.vmap(lambda row: run_network(weights, row, K))(x)


# ## A step at a time
#
# To generate, the network steps. From the learnt C̃ we first recover C, once, with a dense solve. Then each step
# costs O(N) a channel, and the memory is the state: one (H, N) array a layer, however long the sound.


def stepping(weights: Weights, L: int) -> list[Array]:
    """C (H, N) of each layer, for weights trained at length L."""

    def channel(ssm: Weights, Ct: Array) -> Array:
        return untruncate(discrete_dplr(*system_of(ssm))[0], whole(complex_of(Ct)), L)

    return [jax.vmap(channel)(layer["ssm"], layer["Ct"]) for layer in weights["layers"]]


def initial_state(weights: Weights) -> list[Array]:
    """Zeros, (H, N) complex for each layer."""
    return [jnp.zeros((len(layer["D"]), 2 * layer["Ct"].shape[1]), complex) for layer in weights["layers"]]


def step_network(weights: Weights, C: list[Array], x: Array, state: list[Array]) -> tuple[Array, list[Array]]:
    """x (inputs,) and the state → (outputs,) and the next state."""
    x, after = affine(weights["encode"], x), []
    for layer, C_layer, s in zip(weights["layers"], C, state, strict=True):
        u = normalise(layer, x)
        after.append(jax.vmap(lambda ssm, s, u: step_dplr(*system_of(ssm), s, u))(layer["ssm"], s, u))
        x = x + mix(layer, jnp.sum(C_layer * after[-1], -1).real + layer["D"] * u)
    return affine(weights["decode"], x), after


@sizes((1,), slow=((3,),))
def test_steps_equal_the_sequence(layers: int) -> None:
    L = 100
    weights = network(0, 3, 5, H=4, N=8, layers=layers)
    x = normal(1, L, 3)
    C = jax.jit(stepping, static_argnums=1)(weights, L)

    def step(state: list[Array], x_k: Array) -> tuple[list[Array], Array]:
        y, state = step_network(weights, C, x_k, state)
        return state, y

    stepped = jax.jit(lambda x: jax.lax.scan(step, initial_state(weights), x)[1])(x)
    same(stepped, jax.jit(run_batch)(weights, x[None])[0])


# ## Learning
#
# Adam, with a learning rate that falls along a cosine. The parameters of the systems learn at a quarter of the rate: a
# little change of Δ or Λ changes the whole kernel.


@jax.jit
def adam(weights: Weights, gradient: Weights, moments: tuple[Weights, Weights], k: Array, rate: Array) -> Any:
    """Step k ≥ 1 → weights and moments."""
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, moments[0], gradient)
    v = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g**2, moments[1], gradient)

    def moved(path: tuple[Any, ...], w: Array, m: Array, v: Array) -> Array:
        slow = 0.25 if any(getattr(key, "key", None) == "ssm" for key in path) else 1.0
        return w - slow * rate * (m / (1 - 0.9**k)) / (jnp.sqrt(v / (1 - 0.99**k)) + 1e-8)

    return jax.tree_util.tree_map_with_path(moved, weights, m, v), (m, v)


def cosine(k: Array, steps: int, rate: float) -> Array:
    """Rises over the first 20 steps, falls to zero at the last."""
    return rate * jnp.minimum(1.0, k / 20) * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(1.0, k / steps)))


def test_adam_finds_a_minimum() -> None:
    weights = {"ssm": jnp.ones(3), "other": jnp.ones(2)}
    moments = (jax.tree.map(jnp.zeros_like, weights),) * 2
    for k in range(1, 100):
        gradient = jax.tree.map(lambda w: 2 * (w - 0.5), weights)
        weights, moments = adam(weights, gradient, moments, jnp.asarray(k), jnp.asarray(0.05))
    same(weights["ssm"], jnp.full(3, 0.5), 0.05)
    same(weights["other"], jnp.full(2, 0.5), 0.05)
