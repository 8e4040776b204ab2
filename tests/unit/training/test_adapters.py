"""Trainings of a part of a model: what moves, what stays, what a voice reads of it, and errors in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssmphony.export.weights import read_weights
from ssmphony.training.adapters import AdaptersConfig, LowRankConfig, adapt
from ssmphony.training.run import read_config, train
from ssmphony.types import SsmphonyError
from tests.unit.training.runs import settings

SHORT = ("task.optimiser.max_steps=2", "run.checkpoint_steps=1", "run.ema=0")


def small() -> torch.nn.Sequential:
    return torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LayerNorm(3), torch.nn.Linear(3, 2))


def trainable(model: torch.nn.Module) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_freezing_by_name() -> None:
    model = small()
    adapt(model, AdaptersConfig(freeze=(r"^0\.", r"^1\."), train=(r"^0\.bias",)))
    assert trainable(model) == {"0.bias", "2.weight", "2.bias"}


def test_low_rank_layers_by_name() -> None:
    model = small()
    adapt(model, AdaptersConfig(low_rank=LowRankConfig(rank=1, layers=(r"^2$",)), train=("1.weight",)))
    prefix = "2.parametrizations.weight.0."
    assert trainable(model) == {"1.weight", f"{prefix}down", f"{prefix}up"}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (AdaptersConfig(freeze=("nothing",)), "adapters.freeze: 'nothing' matches none"),
        (AdaptersConfig(low_rank=LowRankConfig(layers=("^1$",))), "adapters.low_rank.layers"),
        (AdaptersConfig(freeze=("",)), "nothing to train"),
    ],
)
def test_what_cannot_be_trained_is_one_line(config: AdaptersConfig, message: str) -> None:
    with pytest.raises(SsmphonyError, match=message):
        adapt(small(), config)


def test_a_pattern_that_is_no_expression_is_one_line(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="not a regular expression"):
        read_config(*settings("codec", corpus, tmp_path, "adapters.freeze=['(']"))


@pytest.mark.integration
def test_an_adapted_training_resumes_and_is_read_as_plain_weights(corpus: Path, tmp_path: Path) -> None:
    base = train(*settings("codec", corpus, tmp_path / "base", *SHORT))
    adapters = "adapters.low_rank.rank=2"
    file, overrides = settings("codec", corpus, tmp_path / "adapted", *SHORT, adapters)
    with pytest.raises(SsmphonyError, match="--init"):
        train(file, overrides)
    tuned = train(file, overrides, str(base))
    before, after = read_weights(base, "codec"), read_weights(tuned, "codec")
    assert set(before) == set(after)
    moved = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert moved
    assert all(before[name].ndim == 2 for name in moved)
    train(file, (*overrides, "task.optimiser.max_steps=3"))
    again = read_weights(tuned, "codec")
    assert any(not torch.equal(after[name], again[name]) for name in moved)
    train(*settings("codec", corpus, tmp_path / "onwards", *SHORT), str(tuned))
