"""In tests, arrays of the runtime have the axes that their types name."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("beartype")
pytest.importorskip("jaxtyping")

from jaxtyping import TypeCheckError

from ssmphony.runtime import expand, parallel

ENDS, FIRST = np.array([[2, 5]]), np.array([0])


def test_right_axes_pass() -> None:
    x, mask, token = parallel.expand(np.zeros((1, 2, 3), np.float32), ENDS, FIRST, 4)
    assert (x.shape, mask.shape, token.tolist()) == ((1, 4, 5), (1, 4), [[0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("encoded", "ends", "first"),
    [
        (np.zeros((1, 3, 3), np.float32), ENDS, FIRST),
        (np.zeros((2, 2, 3), np.float32), ENDS, FIRST),
        (np.zeros((1, 2), np.float32), ENDS, FIRST),
        (np.zeros((1, 2, 3), np.float64), ENDS, FIRST),
        (np.zeros((1, 2, 3), np.float32), ENDS[0], FIRST),
        (np.zeros((1, 2, 3), np.float32), ENDS, FIRST.astype(np.float32)),
    ],
    ids=["tokens", "batch", "an axis less", "type", "no batch", "floats"],
)
def test_wrong_axes_are_errors(encoded: np.ndarray, ends: np.ndarray, first: np.ndarray) -> None:
    with pytest.raises(TypeCheckError):
        parallel.expand(encoded, ends, first, 4)


def test_results_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A result with other axes than its type names is an error of the function."""
    monkeypatch.setattr(np, "where", lambda *_: np.zeros((1, 7)))
    ones = np.ones((1, 2), np.float32)
    with pytest.raises(TypeCheckError, match="return"):
        expand.token_ends(ones, ones > 0, ones)
