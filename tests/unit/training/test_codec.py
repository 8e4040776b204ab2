"""Training a vocoder that finds the pitch itself: whose pitch it decodes with, and that it learns both."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import soundfile
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


def test_clips_to_validate_on_are_resampled(corpus: Path, tmp_path: Path) -> None:
    more = ("voice.codec={kind: s4d_autoencoder, sample_rate: 8000, n_layers: 1}", "task.adversarial=null")
    task = build(read_config(*settings("codec", corpus, tmp_path, *more)), "test")
    assert isinstance(task, CodecTask)
    (clip,) = task.validation_batches()
    recorded = soundfile.info(corpus / "audio" / "clip-0.flac")
    assert clip.shape == (1, math.ceil(recorded.frames / 3))


@pytest.mark.integration
def test_it_trains_against_discriminators_in_mixed_precision(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    more = (CODEC, "task.given_pitch_steps=5", "run.precision=bf16-mixed")
    train(*settings("codec", corpus, out, *more))
    logged = scalars(out)
    assert {f"train/{name}" for name in ("spectral", "pitch", "voicing", "generator")} <= logged.keys()
    pitch = logged["train/pitch"]
    assert pitch[max(pitch)] < pitch[min(pitch)]


def latent(bottleneck: str) -> str:
    shape = "d_model: 16, d_latent: 6, mel_blocks: 2, code_blocks: 1, pitch_dim: 16, dim: 16, intermediate: 24"
    blocks = "blocks: [convnext, convnext], lookahead_per_conv: 2, kernel_size: 5"
    return f"voice.codec={{kind: latent, {shape}, {blocks}, bottleneck: {bottleneck}}}"


@pytest.mark.parametrize(("bottleneck", "cost"), [("vae", "divergence"), ("sigreg", "sigreg")])
def test_latents_are_drawn_in_training_and_cost_something(
    corpus: Path, tmp_path: Path, bottleneck: str, cost: str
) -> None:
    more = (latent(bottleneck), "task.bottleneck_weight=0.5", "task.bottleneck_warmup=10")
    task = build(read_config(*settings("codec", corpus, tmp_path, *more)), "test")
    assert isinstance(task, CodecTask)
    batch = task.training_batch(0)
    task.train()
    _, _, costs = task.copy(*batch)
    assert set(costs) == {cost}
    costs[cost].backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in task.codec.encoder.parameters())
    task.step = 5
    assert task.bottleneck_weight() == 0.25
    drawn, again = (task.codec.analyse(batch[0]) for _ in range(2))
    assert not torch.equal(drawn, again)
    task.eval()
    assert torch.equal(task.codec.analyse(batch[0]), task.codec.encode(batch[0]))


@pytest.mark.integration
def test_a_codec_of_latents_trains_and_reports_their_rank(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    train(*settings("codec", corpus, out, latent("vae"), "task.bottleneck_weight=0.1"))
    logged = scalars(out)
    assert {"train/divergence", "val/latent_variance", "val/latent_rank"} <= logged.keys()
    assert 1.0 <= min(logged["val/latent_rank"].values()) <= 6.0
