"""What tests of several folders share."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="module")
def compiled() -> None:
    """Skips where nothing can compile; a compile error is a failure."""
    from ssmphony.ssm.scan import build, cpu

    try:
        build.load() if not cpu.ready() else None
    except build.NoCompilerError as missing:
        pytest.skip(f"the compiled scans need {missing}")
    assert cpu.ready()
