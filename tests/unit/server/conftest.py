"""One voice and one server for all tests that need nothing special."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import ssmphony
from ssmphony.voice import Voice
from tests.unit.server.running import Running, serving


@pytest.fixture(scope="session")
def voice(tiny_voice_folder: Path) -> Voice:
    return ssmphony.load(tiny_voice_folder, threads=1)


@pytest.fixture(scope="module")
def server(voice: Voice) -> Iterator[Running]:
    with serving(voice) as running:
        yield running
