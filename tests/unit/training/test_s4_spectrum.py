"""Training a voice without mels: sound in crops, prosody in sentences, each leaving the other as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from ssmphony.export.weights import read_weights
from ssmphony.training.run import build, read_config, train
from ssmphony.training.tasks.s4_spectrum import S4SpectrumTask
from ssmphony.types import SsmphonyError
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import scalars, settings

PROSODY = {"prosody", "duration", "frame_input", "frame_speaker", "frame_layers", "frame_norm", "frame_head"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight clips whose phones have known times."""
    return write_corpus(tmp_path_factory.mktemp("timed") / "tiny", every_token=True)


def task_of(corpus: Path, out: Path, *more: str) -> S4SpectrumTask:
    task = build(read_config(*settings("s4_spectrum", corpus, out, *more)), "test")
    assert isinstance(task, S4SpectrumTask)
    return task.train()


def test_a_crop_is_that_stretch_of_the_whole(corpus: Path, tmp_path: Path) -> None:
    """Equal as far inside as the decoder sees, without voice: pulses count from the beginning of the crop."""
    task = task_of(corpus, tmp_path, "task.crop=64").eval()
    batch = task.training_batch(0)
    targets, hop = task.targets(batch), task.codec.grid.hop_length
    targets = targets._replace(hertz=torch.zeros_like(targets.hertz))
    window = 5 + torch.arange(64).expand(len(batch.names), -1)
    with torch.no_grad():
        whole = task.sound(batch, targets)
        part = task.codec(task.frames(batch, targets, window), first=window[:, 0])
    reach = task.codec.lookahead + 4
    inside = slice(reach * hop, (64 - reach) * hop)
    torch.testing.assert_close(part[:, inside], whole[:, 5 * hop :][:, inside], atol=1e-5, rtol=1e-4)


def test_real_crops_are_the_recording(corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path)
    batch = task.training_batch(0)
    torch.manual_seed(3)
    made, real = task.crops(batch, task.targets(batch))
    assert made.shape == real.shape == (len(batch.names), (32 - 4) * 300)
    for row, samples in zip(real, batch.features["samples"], strict=True):
        found = F.conv1d(samples[None, None], row[None, None, :2000]).argmax()
        torch.testing.assert_close(samples[found : found + 2000], row[:2000])


def test_targets_are_the_corpus(corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path)
    batch = task.training_batch(0)
    targets = task.targets(batch)
    assert torch.equal(targets.ends[:, -1], batch.frame_mask.sum(dim=1))
    assert set(targets.hertz.unique().tolist()) == {0.0, 120.0}


@pytest.mark.parametrize("learns", ["sound", "prosody"])
def test_each_leaves_the_other_alone(learns: str, corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path, f"task.learns=[{learns}]", *(["task.adversarial=null"] * (learns == "prosody")))
    batch = task.training_batch(0)
    targets = task.targets(batch)
    loss = (
        task.prosody_losses(batch, targets)["prosody"] if learns == "prosody" else task.crops(batch, targets)[0].sum()
    )
    loss.backward()
    reached = {name.split(".")[0] for name, value in task.model.named_parameters() if value.grad is not None}
    assert reached == ({"text", "speakers"} if learns == "sound" else PROSODY | {"speaker_pitch"})
    assert any(value.grad is not None for value in task.codec.parameters()) == (learns == "sound")


@pytest.mark.integration
def test_sound_and_prosody_are_learnt_together(corpus: Path, tmp_path: Path) -> None:
    """Every loss falls, and both parts of the voice are there afterwards."""
    out = train(*settings("s4_spectrum", corpus, tmp_path / "run", "task.optimiser.max_steps=30"))
    curves = scalars(out)
    for name in ("spectral", "duration", "pitch", "voicing", "energy"):
        values = list(curves[f"train/{name}"].values())
        assert sum(values[-5:]) < 0.9 * sum(values[:5]), name
    assert {"val/loss", "val/duration_ms", "val/log_f0_rmse", "val/voicing_error"} <= curves.keys()
    assert all(read_weights(out / "last.ckpt", part) for part in ("model", "codec"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("voice.codec.d_text=8", "must equal"),
        ("voice.codec={kind: mel_vocoder}", "codec.kind spectrum"),
        ("task.learns=[]", "learns is empty"),
        ("task.learns=[prosody]", "adversarial is of the sound"),
    ],
)
def test_what_does_not_fit_is_one_line(setting: str, message: str, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match=message) as caught:
        task_of(corpus, tmp_path, setting)
    assert "\n" not in str(caught.value)
