"""The contract of the autoregressive family, on every kind of it at tiny size."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from ssmphony.model_inputs import ModelInputs
from ssmphony.models.autoregressive import AutoregressiveModel
from tests.contract import contract
from tests.contract.speaking import BATCH, STYLES, build, kinds, speak

every_kind = pytest.mark.parametrize("kind", kinds("autoregressive"))


@pytest.fixture
def model(kind: str) -> Any:
    return build(kind)


def stream(model: AutoregressiveModel) -> contract.Stream:
    """Frames → the frames that follow them, with one text for all rows; the place in it moves by a tenth a frame."""
    ids = torch.arange(1, 9)[None]
    mask = ids > 0
    with torch.no_grad():
        memory = model.encode(ModelInputs(ids, mask, speaker=torch.zeros(1, dtype=torch.long)))

    def run(x: Tensor, mask: Tensor, state: Any) -> tuple[Tensor, Any]:
        position, layers = state
        batch, made = len(x), list[Tensor]()
        text, seen = pytree.tree_map(lambda part: part.expand(batch, *part.shape[1:]), (memory, ids > 0))
        for step in range(x.shape[1]):
            result = model.advance(x[:, step], position, 0.1 * position, text, seen, layers)
            made.append(result.frame)
            position, layers = position + 1, result.layers
        return torch.stack(made, dim=1), (position, layers)

    return contract.Stream(
        begin=lambda batch: (torch.zeros(batch, dtype=torch.long), model.initial_layers(batch)),
        run=run,
        channels=len(model.start_frame()),
        time=24,
    )


@every_kind
def test_causality(kind: str, model: Any) -> None:
    contract.check_causality(stream(model))


@every_kind
def test_chunkings(kind: str, model: Any) -> None:
    with torch.no_grad():
        contract.check_chunkings(stream(model), seeds=2)


@every_kind
def test_never_endless(kind: str, model: Any) -> None:
    """A model that never foresees the end stops where the number of tokens says; the token never goes back."""
    nn.init.constant_(model.stop.bias, -1e3)
    for tokens, (frames, spoken) in zip(BATCH, speak(model, BATCH, STYLES), strict=True):
        assert frames.shape == (20 + 3 * len(tokens), len(model.start_frame()))
        assert torch.equal(spoken, spoken.sort().values)
        assert int(spoken.max()) < len(tokens)
    nn.init.constant_(model.stop.bias, 1e3)
    assert [len(frames) for frames, _ in speak(model, BATCH, STYLES)] == [1, 1, 1]
