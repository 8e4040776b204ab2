"""Training a vocoder that finds the pitch itself: whose pitch it decodes with, and that it learns both."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ssmphony.codecs.codec import Rendering
from ssmphony.training.run import build, read_config, train
from ssmphony.training.tasks.codec import CodecTask
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import scalars, settings

CODEC = "voice.codec={kind: mel_source_filter, dim: 16, intermediate: 24, blocks: [convnext, convnext], pitch_dim: 16}"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("sound") / "tiny")


def test_the_recordings_pitch_helps_at_first(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = build(read_config(*settings("codec", corpus, tmp_path, CODEC, "task.given_pitch_steps=2")), "test")
    assert isinstance(task, CodecTask)
    batch, given, render = task.training_batch(0), [], task.codec.render

    def recorded(frames: torch.Tensor, pitch: torch.Tensor | None = None) -> Rendering:
        given.append(pitch)
        return render(frames, pitch)

    monkeypatch.setattr(task.codec, "render", recorded)
    for step in range(3):
        task.step = step
        task.copy(*batch)
    assert given[0] is given[1] is batch[3]
    assert batch[3].max() == 120.0
    assert given[2] is None


@pytest.mark.integration
def test_it_trains_against_discriminators_in_mixed_precision(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    more = (CODEC, "task.given_pitch_steps=5", "run.precision=bf16-mixed")
    train(*settings("codec", corpus, out, *more))
    logged = scalars(out)
    assert {f"train/{name}" for name in ("spectral", "pitch", "voicing", "generator")} <= logged.keys()
    pitch = logged["train/pitch"]
    assert pitch[max(pitch)] < pitch[min(pitch)]
