"""Training on a corpus that knows the times of all phones: they are taken as they are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssmphony.training.run import build, read_config
from ssmphony.training.tasks import s4_acoustic
from ssmphony.training.tasks.s4_acoustic import S4AcousticTask
from ssmphony.types import SsmphonyError
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import settings


def task_of(corpus: Path, out: Path, timing: str = "corpus") -> S4AcousticTask:
    task = build(read_config(*settings("s4_acoustic", corpus, out, f"task.timing={timing}")), "test")
    assert isinstance(task, S4AcousticTask)
    return task


def test_durations_are_those_of_the_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(s4_acoustic, "align")
    task = task_of(write_corpus(tmp_path / "tiny", every_token=True), tmp_path)
    batch = task.training_batch(0)
    targets = task.reconstruct(batch).targets
    assert torch.equal(targets.durations, batch.features["durations"])
    assert torch.equal(targets.durations.sum(dim=1), batch.frame_mask.sum(dim=1))


@pytest.mark.parametrize("timing", ["corpus", "aligned"])
def test_the_encoder_learns_durations_that_are_known(tmp_path: Path, timing: str) -> None:
    task = task_of(write_corpus(tmp_path / "tiny", every_token=True), tmp_path, timing)
    batch = task.training_batch(0)
    task.losses(batch, task.reconstruct(batch))["duration"].backward()
    assert (task.model.symbols.weight.grad is not None) == (timing == "corpus")


def test_a_corpus_without_times_is_refused(tmp_path: Path) -> None:
    task = task_of(write_corpus(tmp_path / "tiny"), tmp_path)
    with pytest.raises(SsmphonyError, match="has no time for each phone"):
        task.training_batch(0)
