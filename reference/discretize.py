"""From ``x' = A x + B u`` to ``x[k] = Abar x[k-1] + Bbar u[k]``: dense float64 forms, which the layers must equal.

The layers never build these: S4 steps by the Woodbury identity, S4D by elementwise products.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.complexfloating] | npt.NDArray[np.float64]


def bilinear(a: Matrix, b: Matrix, dt: float) -> tuple[Matrix, Matrix]:
    """Tustin: ``(I - dt/2 A)^-1 (I + dt/2 A)`` and ``(I - dt/2 A)^-1 dt B``; a (n, n), b (n,), dt in seconds."""
    identity = np.eye(len(a))
    inverse = np.linalg.inv(identity - dt / 2.0 * a)
    return inverse @ (identity + dt / 2.0 * a), dt * inverse @ b


def zero_order_hold(a: Matrix, b: Matrix, dt: float) -> tuple[Matrix, Matrix]:
    """``exp(dt A)`` and ``A^-1 (exp(dt A) - I) B``, the input held constant through a step; a must be invertible."""
    values, vectors = np.linalg.eig(a)
    abar = vectors @ np.diag(np.exp(dt * values)) @ np.linalg.inv(vectors)
    if not np.iscomplexobj(a):
        abar = abar.real
    return abar, np.linalg.solve(a, (abar - np.eye(len(a))) @ b)
