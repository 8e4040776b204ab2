"""The contract of the families that predict durations first, on every kind of them at tiny size."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.contract import contract
from tests.contract.speaking import BATCH, STYLES, build, kinds, speak

every_kind = pytest.mark.parametrize("kind", [*kinds("parallel"), *kinds("sentence")])


@pytest.fixture
def model(kind: str) -> Any:
    return build(kind)


@pytest.mark.parametrize("kind", kinds("parallel"))
def test_padding(kind: str, model: Any) -> None:
    with torch.no_grad():
        contract.check_batch_and_padding(contract.model_stream(model))


@every_kind
def test_lengths(kind: str, model: Any) -> None:
    """Every token is spoken, in order, for at least one frame; `speak` saw nothing after the end."""
    for tokens, (frames, spoken) in zip(BATCH, speak(model, BATCH, STYLES), strict=True):
        assert frames.shape == (len(spoken), model.frame_channels)
        counts = torch.bincount(spoken, minlength=len(tokens))
        assert len(counts) == len(tokens)
        assert int(counts.min()) >= 1
        assert torch.equal(spoken, spoken.sort().values)
        assert len(spoken) > 2 * len(tokens), "too short to test anything"


@every_kind
@torch.no_grad()
def test_other_durations(kind: str, model: Any) -> None:
    """A sentence takes over what a recording took, token by token."""
    if "timing" not in model.capabilities:
        pytest.skip("it does not take over a timing")
    state = model.begin(BATCH[:1], STYLES[:1])
    ends = torch.arange(1, len(BATCH[0]) + 1)[None] * 3
    other = model.with_token_ends(state, ends)
    assert torch.equal(model.token_ends(other), ends)
    frames, _ = model.step(other)
    assert frames.tokens[0].tolist() == [index // 3 for index in range(frames.tokens.shape[1])]
