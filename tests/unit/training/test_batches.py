"""Batches: of similar length, the same for the same seed and step, every clip as often as its weight, and padding that
changes nothing."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from ssmphony.data.dataset import Bucketing, Corpus, Utterances
from ssmphony.data.features.registry import Needs
from ssmphony.training.run import build, read_config
from ssmphony.training.tasks.s4_acoustic import S4AcousticTask
from ssmphony.types import MelFormat
from tests.unit.training.corpus import CONSONANTS, VOWELS, write_corpus
from tests.unit.training.runs import settings

SYMBOLS = ("_", "^", ".", *VOWELS, *CONSONANTS)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    home = tmp_path_factory.mktemp("many")
    return [write_corpus(home / name, clips=15, seed=seed) for seed, name in enumerate(("first", "second"))]


def utterances(many: list[Path], *weights: float) -> Utterances:
    corpora = [Corpus(path=str(path), weight=weight) for path, weight in zip(many, weights, strict=False)]
    return Utterances(corpora, SYMBOLS, ("tiny",), Needs.of_mel(MelFormat()))


def epochs(bucketing: Bucketing, clips: int) -> list[list[list[int]]]:
    """Batches of the first three epochs, when each shows ``clips`` clips."""
    found: list[list[list[int]]] = []
    number = 0
    for _ in range(3):
        found.append([])
        while sum(map(len, found[-1])) < clips:
            found[-1].append(bucketing(number))
            number += 1
    return found


def test_each_clip_is_seen_once_an_epoch(many: list[Path]) -> None:
    source = utterances(many, 1.0, 1.0)
    for epoch in epochs(Bucketing(source, 4, 1000, seed=1), 30):
        assert sorted(index for batch in epoch for index in batch) == list(range(30))


def test_clips_are_seen_according_to_their_weight(many: list[Path]) -> None:
    source = utterances(many, 3.0, 0.5)
    bucketing = Bucketing(source, 4, 1000, seed=1)
    seen = Counter(index for number in range(2000) for index in bucketing(number))
    passes = np.mean([seen[index] for index in range(15)]) / 3
    for index in range(15):
        assert abs(seen[index] - 3 * passes) <= 3  # whole epochs show it three times, the last may be unfinished
        assert seen[15 + index] == pytest.approx(0.5 * passes, rel=0.2)


def test_batches_are_bounded_and_of_similar_length(many: list[Path]) -> None:
    source = utterances(many, 1.0, 1.0)
    lengths = np.array([source.frames(index) for index in range(len(source))])
    for epoch in epochs(Bucketing(source, 4, 500, seed=1), 30):
        assert max(map(len, epoch)) <= 4
        assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= 500 for batch in epoch)
        padded = sum(len(batch) * lengths[batch].max() for batch in epoch)
        assert lengths.sum() / padded > 0.85


def test_batches_depend_on_seed_and_step_alone(many: list[Path]) -> None:
    source = utterances(many, 1.5, 1.0)
    straight = [Bucketing(source, 4, 1000, seed=1)(number) for number in range(40)]
    backwards = Bucketing(source, 4, 1000, seed=1)
    assert [backwards(number) for number in reversed(range(40))] == straight[::-1]
    other = Bucketing(source, 4, 1000, seed=2)
    assert [other(number) for number in range(40)] != straight
    assert straight[:10] != straight[10:20]


def test_padding_changes_nothing(corpus: Path, tmp_path: Path) -> None:
    """Every loss of a batch is the mean of its members', weighted by their frames or tokens."""
    path, overrides = settings("s4_acoustic", corpus, tmp_path)
    torch.manual_seed(0)
    task = build(read_config(path, overrides), str(path))
    assert isinstance(task, S4AcousticTask)
    task.eval()
    members = [task.utterances.batch([index]) for index in range(4)]
    frames = torch.tensor([float(member.mels.shape[1]) for member in members])
    tokens = torch.tensor([float(member.ids.shape[1]) for member in members])
    assert len(set(frames.tolist())) > 1
    weights = {"mel_l1": frames, "mel_mse": frames, "prior": frames, "delta": frames - 1, "ssim": frames}
    with torch.no_grad():
        batch = task.utterances.batch(range(4))
        whole = task.losses(batch, task.reconstruct(batch))
        alone = [task.losses(member, task.reconstruct(member)) for member in members]
    for name, value in whole.items():
        if name != "loss":
            weight = weights.get(name, tokens)
            expected = torch.stack([losses[name] for losses in alone]) @ weight / weight.sum()
            torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5, msg=name)


def test_padding_gets_no_gradient(corpus: Path, tmp_path: Path) -> None:
    path, overrides = settings("s4_acoustic", corpus, tmp_path)
    task = build(read_config(path, overrides), str(path))
    assert isinstance(task, S4AcousticTask)
    task.eval()
    batch = task.utterances.batch(range(4))
    spoilt = batch._replace(
        features={
            "mel": torch.where(batch.frame_mask[..., None], batch.mels, 3.0),
            "f0": torch.where(batch.frame_mask, batch.f0, 77.0),
        }
    )
    with torch.no_grad():
        for name, value in task.losses(spoilt, task.reconstruct(spoilt)).items():
            torch.testing.assert_close(value, task.losses(batch, task.reconstruct(batch))[name], rtol=1e-4, atol=1e-5)
