"""The recogniser learns to read a made-up language, and its clips are made unlike each other."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssmphony.alignment.ctc import greedy
from ssmphony.alignment.recogniser import read_recogniser
from ssmphony.cli import app
from ssmphony.export.recogniser import export_recogniser
from ssmphony.export.weights import read_weights
from ssmphony.training.run import build, read_config, train
from ssmphony.training.tasks.recogniser import Augmentation, RecogniserTask, augment
from ssmphony.types import SsmphonyError
from tests.unit.training.runs import scalars, settings


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(*settings("recogniser", corpus, tmp_path_factory.mktemp("recogniser") / "run"))


def test_losses_and_errors_are_logged(run: Path) -> None:
    found = scalars(run)
    assert {"train/phones", "train/characters", "val/phone_error", "val/character_error"} <= set(found)
    assert found["train/loss"][9] < found["train/loss"][0]


def test_it_learns_to_read_a_clip(corpus: Path, tmp_path: Path) -> None:
    config, overrides = settings("recogniser", corpus, tmp_path)
    task = build(read_config(config, overrides), "test")
    assert isinstance(task, RecogniserTask)
    batch = task.validation_batches()[0]
    optimiser = torch.optim.Adam(task.model.parameters(), 1e-2)
    for _ in range(150):
        optimiser.zero_grad()
        task.losses(task.model(batch.mels, batch.mask), batch)["phones"].backward()
        optimiser.step()
    scores = task.model.eval()(batch.mels, batch.mask).phones[0].detach().numpy()
    assert greedy(scores) == batch.phones[0].tolist()


def test_it_is_exported_as_one_file(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "own.safetensors"
    assert app(["export", str(run), str(out)], standalone_mode=False) is None
    model, trained = read_recogniser(out), read_weights(run, "model")
    torch.testing.assert_close(model.state_dict()["phones.bias"], trained["phones.bias"], atol=0, rtol=0)
    assert [path.name for path in out.parent.iterdir()] == ["own.safetensors"]
    for name, message in (("own.safetensors", "exists; remove it"), ("folder", "ends in .safetensors")):
        with pytest.raises(SsmphonyError, match=message):
            export_recogniser(run, out.with_name(name))


def test_augmentation_keeps_lengths_and_moves_everything_else() -> None:
    torch.manual_seed(0)
    mels, mask = torch.randn(3, 50, 20), torch.arange(50) < torch.tensor([[50], [30], [10]])
    moved, kept = augment(mels, mask, Augmentation())
    assert moved.shape[0] == 3
    assert moved.shape[2] == 20
    assert moved.shape[:2] == kept.shape
    shares = kept.sum(1) / kept.shape[1]
    torch.testing.assert_close(shares, torch.tensor([1.0, 0.6, 0.2]), atol=0.04, rtol=0)
    assert not torch.equal(augment(mels, mask, Augmentation())[0], moved)


def test_no_augmentation_changes_nothing() -> None:
    still = Augmentation(pace=0.0, formants=0.0, tilt=0.0, noise=0.0, time_masks=0, band_masks=0)
    mels, mask = torch.randn(2, 9, 5), torch.ones(2, 9, dtype=torch.bool)
    moved, kept = augment(mels, mask, still)
    assert torch.equal(kept, mask)
    assert moved.shape == mels.shape
