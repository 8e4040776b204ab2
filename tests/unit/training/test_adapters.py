"""Trainings of a part of a model: what moves, what stays, what a voice reads of it, and errors in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils import _pytree as pytree

from ssmphony.export.graphs import write_graph
from ssmphony.export.weights import read_weights
from ssmphony.models import MODELS
from ssmphony.nn import StackConfig
from ssmphony.nn.learned_state import add_learned_states, learned_names, plain_tensors
from ssmphony.runtime.graph import Graph
from ssmphony.ssm.s4_layer import S4DConfig
from ssmphony.training.adapters import AdaptersConfig, LowRankConfig, _with_state, adapt
from ssmphony.training.initial import load_fitting
from ssmphony.training.run import build, read_config, train
from ssmphony.types import SsmphonyError
from tests.unit.training.runs import settings

PLAIN = ("task.adversary=null", "voice.model.decoder_mixer=s4d")
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


def test_learned_states_of_layers_by_name() -> None:
    model = torch.nn.ModuleDict({"decoder": StackConfig(d_model=4, n_layers=2, mixers=(S4DConfig(d_model=4),)).build()})
    adapt(model, AdaptersConfig(learned_state=(r"decoder\.layers\.1\b",)))
    assert trainable(model) == {"decoder.layers.1.mixer.first.0"}
    with pytest.raises(SsmphonyError, match=r"adapters\.learned_state: 'norm' matches none"):
        adapt(model, AdaptersConfig(learned_state=("norm",)))


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
def test_a_learned_state_is_trained_and_read_without_it(corpus: Path, tmp_path: Path) -> None:
    base = train(*settings("s4_acoustic", corpus, tmp_path / "base", *SHORT, *PLAIN))
    learned = ("adapters.learned_state=[decoder]", "task.optimiser.max_steps=2")
    file, overrides = settings("s4_acoustic", corpus, tmp_path / "tuned", *SHORT, *PLAIN, *learned)
    tuned = train(file, overrides, str(base))
    before, after = read_weights(base, "model"), read_weights(tuned, "model")
    names = learned_names(after)
    assert names
    assert all(bool(after[f"{name}.first.0"].any()) for name in names)
    plain = plain_tensors(after)
    assert plain.keys() == before.keys()
    assert all(torch.equal(before[name], plain[name]) for name in before)
    train(file, (*overrides, "task.optimiser.max_steps=3"))  # resumes
    task = build(read_config(*settings("s4_acoustic", corpus, tmp_path / "other", *PLAIN)), "test")
    load_fitting(task.voice, tuned)
    assert all(torch.equal(before[name], value) for name, value in task.model.state_dict().items())


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["s4_acoustic", "lewm"])
@torch.no_grad()
def test_a_learned_state_is_exported(kind: str, tmp_path: Path) -> None:
    """A graph, whose states start at zero, begins with what was learned."""
    torch.manual_seed(0)
    config = list(MODELS[kind].tiny(12).values())[-1]
    model: Any = config.build().eval()
    layers = [name for name in _with_state(model) if name.startswith(("decoder.", "blocks."))]
    add_learned_states(model, layers)
    for name, parameter in model.named_parameters():
        if ".first." in name:
            torch.nn.init.normal_(parameter, std=0.5)
    (spec,) = (spec for spec in model.graphs() if spec.name in ("decoder", "predictor"))
    graph = Graph(write_graph(spec, tmp_path).read_bytes(), spec.name, 1)
    found, _ = graph.run({name: value.numpy() for name, value in spec.inputs.items()}, graph.initial_state(2))
    zeros = pytree.tree_map(torch.zeros_like, spec.state)
    wanted, other = (
        pytree.tree_leaves(spec.module(*spec.inputs.values(), state)[0])[0] for state in (spec.state, zeros)
    )
    torch.testing.assert_close(torch.from_numpy(found[0]), wanted, atol=1e-4, rtol=1e-4)
    assert float((other - wanted).abs().max()) > 1e-2


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
