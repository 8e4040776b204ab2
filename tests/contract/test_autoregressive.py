"""The contract of the autoregressive family, on every kind of it at tiny size."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.contract.speaking import BATCH, STYLES, build, kinds, set_end, speak

every_kind = pytest.mark.parametrize("kind", kinds("autoregressive"))


@pytest.fixture
def model(kind: str) -> Any:
    return build(kind)


@every_kind
def test_never_endless(kind: str, model: Any) -> None:
    """A model that never predicts the end stops where the number of tokens says; the token never goes back."""
    set_end(model, never=True)
    for tokens, (frames, spoken) in zip(BATCH, speak(model, BATCH, STYLES), strict=True):
        most = int(model.max_frames(torch.ones(1, len(tokens), dtype=torch.bool)))
        assert frames.shape == (most, len(model.start_frame()))
        assert torch.equal(spoken, spoken.sort().values)
        assert int(spoken.max()) < len(tokens)
    set_end(model, never=False)
    assert [len(frames) for frames, _ in speak(model, BATCH, STYLES)] == [1, 1, 1]
