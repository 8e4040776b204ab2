"""Training LeWM TTS: every loss is active, every remedy can be switched, and a voice comes out of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ssmphony.export.weights import read_weights
from ssmphony.training.losses import random_windows
from ssmphony.training.run import build, read_config, train
from ssmphony.training.tasks.lewm import LeWMTask
from ssmphony.types import SsmphonyError
from tests.unit.training.runs import events, settings

LOSSES = {"latent", "kl", "sigreg", "mel", "spectral", "predicted_mel", "stop", "alignment"}


def task_of(corpus: Path, out: Path, *more: str) -> LeWMTask:
    task = build(read_config(*settings("lewm", corpus, out, *more)), "test")
    assert isinstance(task, LeWMTask)
    return task.train()


def losses(task: LeWMTask, seed: int = 0) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    batch = task.training_batch(0)
    return task.losses(batch, task.run(batch))


def touched(task: LeWMTask) -> dict[str, bool]:
    """Which parts get a gradient."""
    model, codec = task.model, task.codec
    parts: dict[str, Any] = {"text": model.symbols, "predictor": model.head, "stop": model.stop}
    parts |= {"encoder": codec.encoder, "decoder": codec.decoder, "codec": codec.vocoder}
    return {
        name: any(p.grad is not None and bool(p.grad.any()) for p in part.parameters()) for name, part in parts.items()
    }


def test_all_losses_are_active_together(corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path)
    task.step = 5
    found = losses(task)
    assert set(found) >= LOSSES
    assert all(float(found[name].detach()) > 0.0 for name in LOSSES)
    found["loss"].backward()
    assert touched(task) == {
        "text": True, "predictor": True, "stop": True, "encoder": True, "decoder": True, "codec": False
    }  # fmt: skip


def test_a_window_is_decoded_as_the_whole_would_be(corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path, "task.decoded_latents=5").eval()
    codec, batch = task.codec, task.training_batch(0)
    with torch.no_grad():
        whole = task.run(batch)
        for first in (0, 3, whole.mask.shape[1] - 5):
            window = first + torch.arange(5).expand(len(whole.mask), 5)
            part = codec.decode_window(whole.mean, whole.mask, window)
            torch.testing.assert_close(part, whole.decoded[:, 4 * first : 4 * first + 20], atol=1e-5, rtol=1e-5)
    run = task.train().run(batch)
    assert (
        run.decoded.shape == run.predicted.shape == run.mel.shape == (len(whole.mask), 20, codec.config.format.n_mels)
    )


def test_windows_lie_within_their_clips() -> None:
    windows = torch.stack([random_windows(torch.tensor([3, 5, 9]), 4) for _ in range(200)])
    assert windows.diff(dim=2).unique().tolist() == [1]
    assert [sorted(set(firsts.tolist())) for firsts in windows[..., 0].T] == [[0], [0, 1], [0, 1, 2, 3, 4, 5]]


def test_kl_is_annealed_over_the_first_fifth(corpus: Path, tmp_path: Path) -> None:
    more = ("task.optimiser.max_steps=100", "task.reg=kl", "task.weights.kl=2.0", "task.rollout=0.0")
    task = task_of(corpus, tmp_path, *more)
    shares: list[float] = []
    for step in (0, 10, 20, 60):
        task.step = step
        found = losses(task)
        shares.append(float((found["loss"] / (2.0 * found["kl"])).detach()))
    assert [share - shares[0] for share in shares] == pytest.approx([0.0, 0.5, 1.0, 1.0], abs=1e-3)


@pytest.mark.parametrize(
    "switch", ["latent_noise=0.0", "rollout=0.0", "weights.predicted_mel=0.0", "weights.alignment=0.0"]
)
def test_each_remedy_can_be_switched_off(switch: str, corpus: Path, tmp_path: Path) -> None:
    on, off = task_of(corpus, tmp_path), task_of(corpus, tmp_path, f"task.{switch}")
    on.step = off.step = 10
    assert float(losses(on)["loss"].detach()) != float(losses(off)["loss"].detach())
    if switch == "weights.predicted_mel=0.0":
        task = task_of(corpus, tmp_path, f"task.{switch}", "task.weights.spectral=0.0", "task.weights.mel=0.0")
        losses(task)["loss"].backward()
        assert not touched(task)["decoder"]


def test_targets_are_constants_with_kl_alone(corpus: Path, tmp_path: Path) -> None:
    for setting, constant in (("reg=kl", True), ("reg=sigreg", False), ("reg=both", False)):
        assert task_of(corpus, tmp_path, f"task.{setting}").constant_targets is constant


def test_pictures_and_sound(corpus: Path, tmp_path: Path) -> None:
    out = train(*settings("lewm", corpus, tmp_path, "task.optimiser.max_steps=2", "run.checkpoint_steps=1"))
    tags = events(out).Tags()
    assert sorted(tags["images"]) == ["attention/clip-0", "latents", "mel/clip-0", "rollout"]
    shown = ("predicted", "reconstructed", "recording", "synthesized")
    assert sorted(tags["audio"]) == sorted(f"{name}/clip-0" for name in shown)
    assert {"val/rollout_1", "val/latent_rank", "val/latent_variance", "val/loss"} <= set(tags["scalars"])
    parts = {part: read_weights(out, part) for part in ("model", "codec")}
    task = task_of(corpus, tmp_path / "other")
    task.model.load_state_dict(parts["model"])
    task.codec.load_state_dict(parts["codec"])


def test_parts_that_do_not_fit(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(SsmphonyError, match="must be equal"):
        task_of(corpus, tmp_path, "voice.codec.d_latent=9")
    task = f"task={{kind: lewm, corpora: [{{path: {corpus}}}], validation: [{{path: {corpus}}}]}}"
    with pytest.raises(SsmphonyError, match="lewm"):
        build(read_config(*settings("s4_acoustic", corpus, tmp_path, task)), "test")
