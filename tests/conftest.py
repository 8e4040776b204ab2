"""What holds for every test: one thread each, random examples that are the same every time, one small voice."""

from __future__ import annotations

import os
import signal
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

# Before PyTorch and ONNX Runtime are imported: tests run in parallel processes, on two cores in CI.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from ssmphony.voice import Voice

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A job in the background ignores SIGINT, and so does all that it starts: tests that interrupt would wait in vain.
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("ssmphony", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("ssmphony")

TIMEOUTS = {"slow": 3600, "integration": 600}
"""Seconds that one test may take; the others have those of pyproject.toml."""
INTEGRATION = [Path(__file__).parent / name for name in ("e2e", "parity", "docs/test_examples.py")]


def pytest_configure() -> None:
    if find_spec("beartype") and find_spec("jaxtyping"):  # not in the environment of the agents' plugins
        from tests.axes import check_all

        check_all()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if any(item.path.is_relative_to(path) for path in INTEGRATION):
            item.add_marker(pytest.mark.integration)
        if not item.get_closest_marker("timeout"):
            for marker, seconds in TIMEOUTS.items():
                if item.get_closest_marker(marker):
                    item.add_marker(pytest.mark.timeout(seconds))
                    break


@pytest.fixture(scope="session")
def tiny_voice_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An exported voice with small random weights: see `tests.tiny_voice`."""
    from tests.tiny_voice import make_voice

    return make_voice(tmp_path_factory.mktemp("voices") / "tiny")


@pytest.fixture(scope="session")
def lewm_voice(tmp_path_factory: pytest.TempPathFactory) -> tuple[Voice, Path]:
    """A tiny LeWM voice in PyTorch, and its package: see `tests.lewm_voice`."""
    from tests.lewm_voice import make_voice

    return make_voice(tmp_path_factory.mktemp("voices") / "lewm")
