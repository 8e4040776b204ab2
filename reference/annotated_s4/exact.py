"""The one measure of equality used in the textbook, and the sizes at which its claims are tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

EXACT = 1e-9
Claim = TypeVar("Claim", bound=Callable[..., None])


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


def sizes(*quick: tuple[Any, ...], slow: tuple[tuple[Any, ...], ...] = ()) -> Callable[[Claim], Claim]:
    """The arguments with which pytest runs a claim each time, and those of the slow run."""

    def mark(claim: Claim) -> Claim:
        claim.sizes = [(each, False) for each in quick] + [(each, True) for each in slow]  # type: ignore[attr-defined]
        return claim

    return mark
