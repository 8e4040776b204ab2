"""The benchmark of the server: its arithmetic, and a run with a tiny voice."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.serve import measure, servers
from benchmarks.serve import tables as serve_tables
from benchmarks.serve.servers import NAIVE, OURS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
TINY = measure.Size(1, ((1, 2), (3, 1)), (0.2,), 0.5, 0.1, 0.04, 3, 0.1)


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(entry for entry in sys.path if entry))


@pytest.mark.integration
@pytest.mark.usefixtures("path")
def test_listeners_hear_the_server(tiny_voice_folder: Path) -> None:
    with servers.running(OURS, str(tiny_voice_folder)) as server:
        assert 20 < server.memory_mb() < 400
        row = measure.figures(servers.listen(server, way="closed", listeners=2, each=2))
        mixed = servers.listen(server, way="mixed", listeners=4, seconds=1.0, pause_s=0.02)["heard"]
    assert row["requests"] == 4
    assert row["refused"] == 0
    assert row["audio_s"] > 4
    assert 0 < row["first_p50_ms"] <= row["first_p95_ms"]
    assert row["server_processor"] > 0
    assert {status for status, *_ in mixed} <= {200, 400}


@pytest.mark.slow
@pytest.mark.usefixtures("path")
def test_every_section(tiny_voice_folder: Path) -> None:
    result = measure.measure(str(tiny_voice_folder), TINY, list(measure.SECTIONS))
    one, three = result["concurrency"]["rows"]
    assert (one["streams"], three["streams"]) == (1, 3)
    assert one["of_single"] == 1
    assert result["memory"]["idle_mb"] < result["memory"]["peak_mb"]
    text = serve_tables.sections(result)
    for part in ("### Streams at once", "### Requests at random moments", "### Memory", "| 3 |", "| 20% |"):
        assert part in text


def test_a_server_that_does_not_start_says_why(path: None, tmp_path: Path) -> None:
    with (
        pytest.raises(SystemExit, match="did not start:\nssmphony: "),
        servers.running(OURS, str(tmp_path / "none")),
    ):
        pass


def test_quantiles_are_values_that_were_measured() -> None:
    values = [float(value) for value in range(1, 21)]
    assert measure.quantile(values, 0.5) == 10
    assert measure.quantile(values, 0.95) == 19
    assert measure.quantile([7.0], 0.95) == 7


def test_figures_count_what_was_refused() -> None:
    heard = [[200, 0.010, 1.0, 4.0], [200, 0.030, 1.0, 4.0], [429, None, 0.1, 0.0], [0, None, 0.1, 0.0]]
    row = measure.figures({"heard": heard, "wall_s": 2.0, "processor_s": 0.8, "server_processor_s": 1.6})
    assert (row["requests"], row["refused"]) == (4, 2)
    assert (row["first_p50_ms"], row["first_p95_ms"]) == (10, 30)
    assert (row["rate"], row["server_processor"], row["client_processor"]) == (4, 0.2, 0.1)


def test_memory_that_grows_is_not_flat() -> None:
    flat = measure.flatness([(float(second), 100.0 + 2 * (second % 2)) for second in range(300)], 100)
    assert flat["deviation_mb"] <= 2
    assert flat["minutes_deviation_mb"] <= 1
    assert abs(flat["drift_mb_per_hour"]) < 2
    grows = measure.flatness([(float(second), 100.0 + second / 10) for second in range(300)], 100)
    assert grows["deviation_mb"] == pytest.approx(9.95)
    assert grows["minutes_deviation_mb"] == pytest.approx(9.0)
    assert grows["drift_mb_per_hour"] == pytest.approx(360)


def test_targets() -> None:
    row = {"first_p50_ms": 30.0, "first_p95_ms": 50.0, "rate": 20.0, "refused": 0, "requests": 9}
    costs = {"server_processor": 0.05, "client_processor": 0.001}
    about = {"date": "", "cpu": "", "cores": 2, "load_before": 0.1, "python": "", "onnxruntime": ""}
    slow = {**row, **costs, "first_p50_ms": 300.0, "first_p95_ms": 1000.0, "rate": 10.0}
    pair = measure.ratios([{**row, **costs}], [slow])
    assert pair["ratios"] == {"first_p50_ms": 10, "first_p95_ms": 20, "rate": 2}
    rows = [
        {"streams": streams, OURS: {**row, **costs, "first_p95_ms": first}, NAIVE: slow, **pair, **of}
        for streams, first, of in (
            (1, 61.0, {"of_single": 1.0, "of_limit": 0.5}),
            (32, 400.0, {"of_single": 1.2, "of_limit": 0.96}),
        )
    ]
    section = {"machine": about, "rounds": 3, "limit": 21.0, "memory_mb": 200.0, "rows": rows}
    text = serve_tables.sections({"concurrency": section})
    assert "1 at once | ≤ 60 ms | 61 ms | missed |" in text
    assert "32 at once | ≤ 400 ms | 400 ms | met |" in text
    assert "1.20 times; 96% | met |" in text
    assert "| 10.0, 20.0 | 2.00 | 1.20 | 96% |" in text
