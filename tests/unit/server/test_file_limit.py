"""Connections are files, of which the system allows a process few unless it asks for more."""

from __future__ import annotations

import pytest

from ssmphony.server.run import allow_connections
from ssmphony.server.settings import ServeSettings

resource = pytest.importorskip("resource")
NONE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "wyoming", "raised", "connections"),
    [
        (1024, 4096, None, (1152, 4096), 1024),
        (1024, 4096, "tcp://127.0.0.1:10200", (2176, 4096), 1024),
        (1024, NONE, None, (1152, NONE), 1024),
        (4096, 4096, None, None, 1024),
        (NONE, NONE, None, None, 1024),
        (256, 1024, None, (1024, 1024), 896),
        (256, 1024, "tcp://127.0.0.1:10200", (1024, 1024), 448),
        (64, 64, None, (64, 64), 1),
    ],
)
def test_the_limit_is_raised_or_connections_are_fewer(monkeypatch, soft, hard, wyoming, raised, connections):
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: asked.append(limits))
    assert allow_connections(ServeSettings(wyoming=wyoming)).connections == connections
    assert asked == ([] if raised is None else [raised])


def test_a_system_that_refuses(monkeypatch, caplog):
    def refuse(*_):
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, NONE))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert allow_connections(ServeSettings()).connections == 128
    assert "ulimit -n" in caplog.text
