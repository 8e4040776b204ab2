"""The parts of a voice in a training: what is trained, what is saved, and what a training can start from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from ssmphony.export.weights import read_parts, read_weights
from ssmphony.training.config import VoiceConfig
from ssmphony.training.initial import load_fitting
from ssmphony.training.run import build, read_config
from ssmphony.training.voice_module import Trains, VoiceModule
from ssmphony.types import SsmphonyError
from tests.unit.training.runs import settings


def voice(trains: Trains) -> VoiceModule[nn.Module, nn.Module]:
    torch.manual_seed(0)
    return VoiceModule(nn.Sequential(nn.Linear(3, 2), nn.Dropout()), nn.Linear(2, 4), trains)


@pytest.mark.parametrize(
    ("trains", "parts"), [("model", {"model"}), ("codec", {"codec"}), ("both", {"model", "codec"})]
)
def test_the_other_part_is_frozen(trains: Trains, parts: set[str]) -> None:
    module = voice(trains).train()
    assert set(module.trained()) == parts
    for part, inner in module.parts().items():
        assert all(parameter.requires_grad == (part in parts) for parameter in inner.parameters())
        assert inner.training == (part in parts)


def saved(module: nn.Module, path: Path, trains: str) -> Path:
    names = {f"voice.{name}": torch.full_like(value, 2.0) for name, value in module.state_dict().items()}
    torch.save({"state_dict": {**names, "discriminators.x": torch.zeros(1)}, "trains": trains, "step": 1}, path)
    return path


def test_parts_are_read_from_a_checkpoint(tmp_path: Path) -> None:
    path = saved(voice("both"), tmp_path / "last.ckpt", "both")
    assert {part: set(weights) for part, weights in read_parts(path).items()} == {
        "model": {"0.weight", "0.bias"}, "codec": {"weight", "bias"}
    }  # fmt: skip
    alone = saved(VoiceModule(None, nn.Linear(2, 4), "codec"), tmp_path / "codec.ckpt", "codec")
    assert set(read_parts(alone)) == {"codec"}
    with pytest.raises(SsmphonyError, match=r"codec\.ckpt: holds no weights of a model"):
        read_weights(alone, "model")


def test_a_training_of_both_starts_from_one(tmp_path: Path) -> None:
    alone = saved(VoiceModule(None, nn.Linear(2, 4), "codec"), tmp_path / "codec.ckpt", "codec")
    both, before = voice("both"), voice("both")
    load_fitting(both, alone)
    assert bool((both.codec.weight == 2.0).all())
    assert torch.equal(both.model.state_dict()["0.weight"], before.model.state_dict()["0.weight"])
    with pytest.raises(SsmphonyError, match=r"no weight fits this model; was it trained"):
        load_fitting(voice("model"), alone)


def test_a_part_that_a_task_needs_is_named(corpus: Path, tmp_path: Path) -> None:
    config, overrides = settings("s4_acoustic", corpus, tmp_path)
    data = read_config(config, overrides)
    for part in ("frontend", "model", "codec"):
        voice = VoiceConfig(**{**data.voice.model_dump(), part: None})
        with pytest.raises(SsmphonyError, match=rf"voice\.{part} is missing: this task needs it"):
            build(data.model_copy(update={"voice": voice}), str(config))
