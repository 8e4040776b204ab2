"""The long-range experiment, at a size that takes a moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.long_range import __main__ as long_range
from benchmarks.long_range import report


def test_the_symbols_come_before_the_silence_and_the_answer_is_theirs() -> None:
    codes, symbols = next(long_range.batches(7, 3, seed=0))
    assert codes.shape == (3, long_range.COUNT * long_range.HOLD + 7)
    assert (codes[:, -7:] == long_range.SILENCE).all()
    torch.testing.assert_close(codes[:, : -7 : long_range.HOLD], symbols)
    assert (codes[:, :-7] < long_range.SYMBOLS).all()


def test_all_models_see_the_same_batches_and_the_test_sees_others() -> None:
    first, again, test = (next(long_range.batches(1, 64, seed))[1] for seed in (0, 0, long_range.TEST_SEED))
    assert torch.equal(first, again)
    assert not torch.equal(first, test)
    assert long_range.TEST_SEED not in long_range.SEEDS


def test_sizes_are_equal() -> None:
    sizes = {name: long_range.parameters(make()) for name, make in long_range.models(50).items()}
    assert sizes["S4"] <= sizes["GRU"] == sizes["GRU, gates open"] <= 1.05 * sizes["S4"]


def test_open_gates_keep_a_unit_for_as_long_as_asked() -> None:
    """Without input, a unit of the update gate z decays by z a step: 1 / (1 - z) steps."""
    torch.manual_seed(0)
    for layer in (0, 1):
        bias = getattr(long_range.GRU(400, memory=100).gru, f"bias_ih_l{layer}")[400:800].detach()
        steps = 1 / (1 - torch.sigmoid(bias))
        assert 2 <= float(steps.min()) < 10
        assert 90 < float(steps.max()) <= 101.01


@pytest.mark.integration
def test_it_runs_and_writes(tmp_path: Path) -> None:
    result = long_range.compare(distances=(2, 5), rates=(1e-3, 1e-2), seeds=(0, 1), steps=2)
    long_range.write(result, tmp_path / "out")
    assert len(result["runs"]) == 2 * 2 * 2 * 3
    assert all(0 < run["accuracy"] < 0.5 and len(run["loss"]) == 2 for run in result["runs"])
    assert json.loads((tmp_path / "out/long_range.json").read_text(encoding="utf-8")) == result
    assert (tmp_path / "out/long_range.md").read_text(encoding="utf-8").count("\n| S4 |") == 1
    assert (tmp_path / "out/long_range.png").read_bytes().startswith(b"\x89PNG")


def test_each_model_is_shown_at_the_rate_that_served_it_best() -> None:
    def run(rate: float, seed: int, accuracy: float) -> dict[str, Any]:
        return {"model": "S4", "distance": 9, "rate": rate, "seed": seed, "accuracy": accuracy, "parameters": 1000}

    conditions = dict.fromkeys(("steps", "batch", "test_rows", "minutes", "threads", "cores", "chance"), 1)
    runs = [run(0.1, 0, 0.9), run(0.1, 1, 0.1), run(0.2, 0, 0.6), run(0.2, 1, 0.7)]
    result = {**conditions, "torch": "2", "date": "-", "rates": [0.1, 0.2], "runs": runs}
    assert "| S4 | 1,000 | 60 / 70 |" in report.table(result)


def test_means_of_a_curve() -> None:
    assert list(report.smooth([2.0, 4.0, 6.0, 8.0], window=2)) == [2.0, 3.0, 5.0, 7.0]


@pytest.mark.slow
def test_s4_remembers_and_the_gru_forgets() -> None:
    """The claim of the page, at the middle distance."""
    found = {name: long_range.run(name, 50, 1e-2, seed=0, steps=100)["accuracy"] for name in ("S4", "GRU")}
    assert found["S4"] > 0.8
    assert found["GRU"] < 0.3
