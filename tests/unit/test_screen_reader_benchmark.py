"""The benchmark of the screen reader's module: its utterances, its arithmetic, and a run with a tiny voice."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks import screen_reader


def test_utterances_are_short_and_always_the_same() -> None:
    drawn = screen_reader.utterances(500)
    assert drawn == screen_reader.utterances(500)
    assert {utterance.command for utterance in drawn} == {"CHAR", "KEY", "SPEAK"}
    assert max(len(utterance.text.split()) for utterance in drawn) <= 3
    assert len(set(drawn)) > 200


def test_table() -> None:
    row = {
        "system": "small", "count": 2000, "silent": 0, "start_s": 1.0, "memory_mb": [120.0, 121.0],
        "first_ms": [5.0, 24.0, 38.0, 60.0], "audible_ms": [15.0, 34.0, 48.0, 70.0], "stop_ms": [0.1, 1.0, 9.0, 20.0],
    }  # fmt: skip
    result = {"rows": [row], "setting": "Idle.", "date": "2026-01-01", "cpu": "x", "cores": 2}
    assert "| ssmphony, `small` | 2,000 | 5, 24, 38 | 15, 34, 48 | 0.1, 1, 9 | 120, 121 | 1.0 |" in screen_reader.table(
        result
    )
    assert ": met. Idle." in screen_reader.table(result)
    slow = {**row, "first_ms": [5.0, 41.0, 50.0, 60.0]}
    assert ": missed." in screen_reader.table({**result, "rows": [slow]})


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_module_is_measured(tiny_voice_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))
    monkeypatch.setattr(screen_reader, "SETTLE_S", 0.1)
    row = screen_reader.measure(str(tiny_voice_folder), 40, 2, False)
    assert row["silent"] == 0
    assert 0 < row["first_ms"][0] <= row["first_ms"][1]
    assert row["stop_ms"][0] > 0
    assert min(row["memory_mb"]) > 20
