"""The one measure of equality used in the textbook."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

EXACT = 1e-9


def difference(a: ArrayLike, b: ArrayLike) -> float:
    """Largest absolute difference, in units of the largest entry of ``b`` (or of 1, if that is larger)."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape, f"shapes differ: {a.shape}, {b.shape}"
    return float(np.max(np.abs(a - b)) / max(1.0, np.max(np.abs(b))))


def same(a: ArrayLike, b: ArrayLike, tolerance: float = EXACT) -> None:
    """Fails unless ``a`` equals ``b``, and where either is not finite."""
    found = difference(a, b)
    assert found <= tolerance, f"differ by {found:.2e}, allowed {tolerance:.0e}"


def normal(seed: int, *shape: int) -> Array:
    """Standard normal numbers, the same ones for the same seed."""
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape))
