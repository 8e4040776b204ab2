"""The contract of the autoregressive family, on every kind of it at tiny size."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from tests.contract.speaking import BATCH, STYLES, build, kinds, speak

every_kind = pytest.mark.parametrize("kind", kinds("autoregressive"))


@pytest.fixture
def model(kind: str) -> Any:
    return build(kind)


@every_kind
def test_never_endless(kind: str, model: Any) -> None:
    """A model that never predicts the end stops where the number of tokens says; the token never goes back."""
    nn.init.constant_(model.stop.bias, -1e3)
    for tokens, (frames, spoken) in zip(BATCH, speak(model, BATCH, STYLES), strict=True):
        assert frames.shape == (20 + 3 * len(tokens), len(model.start_frame()))
        assert torch.equal(spoken, spoken.sort().values)
        assert int(spoken.max()) < len(tokens)
    nn.init.constant_(model.stop.bias, 1e3)
    assert [len(frames) for frames, _ in speak(model, BATCH, STYLES)] == [1, 1, 1]
