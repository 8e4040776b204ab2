"""The textbook keeps what it says: the tests in its chapters pass; those named long_test_ are slow."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import pytest

pytest.importorskip("jax", reason="JAX is not installed: pip install '.[reference]'")

CHAPTERS = ("ssm", "hippo", "kernel", "carry", "network")


def claims() -> list[object]:
    found: list[object] = []
    for chapter in CHAPTERS:
        module = import_module(f"reference.annotated_s4.{chapter}")
        for name, test in vars(module).items():
            if name.startswith(("test_", "long_test_")):
                marks = [pytest.mark.slow] if name.startswith("long_") else []
                found.append(pytest.param(test, id=f"{chapter}-{name}", marks=marks))
    return found


@pytest.mark.parametrize("claim", claims())
def test_claim(claim: Callable[[], None]) -> None:
    claim()
