"""Parts of classes: when each is due, and how long it takes in a new sound."""

from __future__ import annotations

import numpy as np
import torch

from ssmphony.models.class_parts import NONE, OVER, ClassParts
from ssmphony.models.sashimi import SashimiConfig
from ssmphony.types import Style

RATE = 8000


def test_each_sample_has_the_number_of_its_part() -> None:
    parts = ClassParts((3, 1), RATE)
    ends = parts.table([[2, 2, 4], [3], []])
    numbers = parts.numbers(torch.tensor([1, 2, 0]), ends, torch.arange(6))
    assert numbers.tolist() == [[2, 2, 4, 4, OVER, OVER], [5, 5, 5, OVER, OVER, OVER], [NONE] * 6]
    assert parts.size == 6
    late = parts.numbers(torch.tensor([1, 2, 0]), ends, torch.tensor([[3], [2], [9]]))
    assert late.tolist() == [[4], [5], [NONE]]


def test_durations_are_distributed_as_in_the_clips() -> None:
    random = np.random.default_rng(0)
    slow = random.normal(0.0, 0.3, 400)  # a slow speaker is slow in both parts
    durations = np.exp(np.stack([slow - 2.0, slow - 1.0], 1) + random.normal(0.0, 0.05, (400, 2)))
    ends = np.round(np.cumsum(durations, 1) * RATE).astype(int).tolist()
    single = [[800 + number % 7] for number in range(50)]
    parts = ClassParts((2, 1), RATE)
    parts.fit([1] * 400 + [2] * 50, ends + single)
    drawn = np.array([parts.draw(1, random.standard_normal(2)) for _ in range(2000)]) / RATE
    lengths = np.diff(drawn, axis=1, prepend=0.0)
    np.testing.assert_allclose(np.median(lengths, 0), np.median(durations, 0), rtol=0.05)
    np.testing.assert_allclose(np.log(lengths).std(0), np.log(durations).std(0), rtol=0.1)
    assert np.corrcoef(np.log(lengths).T)[0, 1] > 0.9
    assert (lengths <= durations.max(0) + 1.0 / RATE).all()
    assert all(len(parts.draw(2, random.standard_normal(2))) == 1 for _ in range(20))
    found = [parts.draw(2, random.standard_normal(2))[0] for _ in range(200)]
    assert 790 < min(found) <= max(found) <= 807


def test_no_part_is_shorter_than_nothing() -> None:
    parts = ClassParts((2,), RATE)
    parts.fit([1] * 4, [[0, 10], [0, 400], [0, 10], [80, 90]])
    for seed in range(100):
        first, second = parts.draw(1, np.random.default_rng(seed).standard_normal(2))
        assert 0 <= first <= second


def test_a_seed_decides_the_durations_whatever_its_neighbours() -> None:
    model = SashimiConfig.tiny()["parts"].build().eval()
    assert model.parts is not None
    model.parts.fit([1, 1, 2, 2], [[10, 20, 30], [20, 30, 50], [40], [60]])
    styles = [Style(seed=seed, speaker="one") for seed in range(6)]
    ends = model.begin(styles).ends
    assert len({tuple(row) for row in ends.tolist()}) > 1
    for style, row in zip(styles, ends, strict=True):
        assert torch.equal(model.begin([style]).ends[0], row)


def test_a_model_is_told_its_part_at_each_sample() -> None:
    """Steps, which draw, and the whole, which is given what they drew, agree."""
    model = SashimiConfig.tiny()["parts"].build().eval()
    assert model.parts is not None
    model.parts.fit([1, 1, 2, 2], [[4, 6, 13], [5, 9, 17], [8], [9]])
    model.guidance = 1.0
    torch.nn.init.normal_(model.condition.weight, generator=torch.Generator().manual_seed(0))  # type: ignore[union-attr]
    styles = [Style(seed=3, speaker="one", temperature=0.0), Style(seed=4, speaker="two", temperature=0.0)]
    state = model.begin(styles)
    asked = model.parts.numbers(state.labels, state.ends, torch.arange(30))
    assert {OVER, 2, 3, 4} <= set(asked[0].tolist())
    parts = []
    for _ in range(6):
        part, state = model.step(state)
        parts.append(part[..., 0])
    codes = torch.cat(parts, 1)
    torch.testing.assert_close(model(codes, asked).argmax(-1), codes)
    assert not torch.equal(model(codes, asked), model(codes, torch.zeros_like(asked)))
