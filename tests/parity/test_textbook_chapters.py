"""The textbook keeps what it says: the tests in its chapters pass; long_test_ and the slow sizes take long."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest

pytest.importorskip("jax", reason="JAX is not installed: pip install '.[reference]'")

CHAPTERS = ("ssm", "hippo", "kernel", "carry", "network", "later")


def claims() -> list[object]:
    found: list[object] = []
    for chapter in CHAPTERS:
        module = import_module(f"reference.annotated_s4.{chapter}")
        for name, test in vars(module).items():
            if name.startswith(("test_", "long_test_")):
                for size, slow in getattr(test, "sizes", [((), name.startswith("long_"))]):
                    marks = [pytest.mark.slow] if slow else []
                    found.append(pytest.param(test, size, id="-".join([chapter, name, *map(str, size)]), marks=marks))
    return found


@pytest.mark.parametrize(("claim", "size"), claims())
def test_claim(claim: Callable[..., None], size: tuple[object, ...]) -> None:
    claim(*size)
