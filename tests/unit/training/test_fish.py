"""Training the token model: what is read and what is predicted, and a short training that learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ssmphony.export.weights import read_weights
from ssmphony.sampling import NO_CODE
from ssmphony.training.run import build, read_config, train
from ssmphony.training.tasks.fish import FishTask
from ssmphony.types import SsmphonyError
from tests.unit.training.corpus import write_corpus
from tests.unit.training.runs import scalars, settings


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight clips whose phones have known times."""
    return write_corpus(tmp_path_factory.mktemp("timed") / "tiny", every_token=True)


def task_of(corpus: Path, out: Path, *more: str) -> FishTask:
    task = build(read_config(*settings("fish", corpus, out, *more)), "test")
    assert isinstance(task, FishTask)
    return task


def test_codes_are_computed_once_and_prompts_are_of_the_speaker(corpus: Path, tmp_path: Path) -> None:
    task = task_of(corpus, tmp_path, "task.prompt_share=0.5", "task.prompt_frames=10")
    batch = task.training_batch(0)
    codes, count = batch.features["codes"], batch.frame_mask.sum(1)
    assert codes.shape[2] == 3
    assert abs(codes.shape[1] - int(count.max())) <= 1
    assert batch.features["prompt"].shape[1] <= 10
    assert int(batch.features["prompt"].min()) >= NO_CODE
    kept = list((corpus / "features").glob("codes-*/*.npy"))
    assert len(kept) >= len(batch.names)
    for path in kept:
        np.save(path, np.zeros_like(np.load(path)))
    assert not task.training_batch(0).features["codes"].any(), "they are read, not computed again"
    for path in kept:
        path.unlink()


@pytest.mark.parametrize(
    ("text", "frame", "expected"),
    [
        ("aligned", "parallel", {"duration"}),
        ("cross", "delay", {"stop", "alignment"}),
        ("prefix", "depth", {"stop", "alignment"}),
    ],
)
def test_losses_reach_what_they_train(corpus: Path, tmp_path: Path, text: str, frame: str, expected: set[str]) -> None:
    """Every parameter of the model gets a gradient in each form, and the codec none."""
    task = task_of(corpus, tmp_path, f"voice.model.text={text}", f"voice.model.frame={frame}").train()
    torch.manual_seed(0)
    losses = task.losses(task.training_batch(0))
    common = {"code_0", "code_1", "code_2", "codes", "right", "loss"}
    assert losses.keys() == expected | common
    assert all(bool(torch.isfinite(value)) for value in losses.values())
    assert abs(float(losses["codes"].detach()) - np.log(12)) < 1.5, "it begins near chance"
    losses["loss"].backward()
    silent = {name for name, value in task.model.named_parameters() if value.grad is None or not value.grad.any()}
    optional = {"no_text"}  # of clips without text or with a prompt
    assert silent <= optional, silent
    assert all(value.grad is None for value in task.codec.parameters())


def test_speakers_outside_the_table_are_spoken_after_prompts_as_anyone(corpus: Path, tmp_path: Path) -> None:
    chosen = ("voice.model.speakers=[somebody, anyone]", "task.speaker_dropout=0", "task.prompt_share=0.01")
    task = task_of(corpus, tmp_path, *chosen).train()
    torch.manual_seed(0)
    task.losses(task.training_batch(0))["loss"].backward()
    gradient = task.model.speakers.weight.grad
    assert gradient is not None
    assert not gradient[0].any()
    assert gradient[1].any()
    read = list[torch.Tensor]()
    after_prompt = task.model.after_prompt
    task.model.after_prompt = lambda codes, mask: (read.append(mask), after_prompt(codes, mask))[1]  # type: ignore
    task.losses(task.training_batch(0))
    assert read[0].any(1).all(), "each of them follows a prompt"
    task.eval()._speak(task.training_batch(0))


def test_a_reference_tells_the_speaker(corpus: Path, tmp_path: Path) -> None:
    styled = ("voice.model.d_style=4", "task.prompt_share=0.9", "task.reference_s=0.5")
    task = task_of(corpus, tmp_path, *styled).train()
    assert task.model.style is not None
    assert task.model.style_enter is not None
    torch.nn.init.normal_(task.model.style_enter.weight)
    task.losses(task.training_batch(0))["loss"].backward()
    assert all(part.grad is not None and part.grad.any() for part in task.model.style.parameters())


def test_the_end_is_where_the_clip_ends(corpus: Path, tmp_path: Path) -> None:
    """A model that says the end in the right step alone has the smaller loss."""
    task = task_of(corpus, tmp_path).eval()
    batch = task.training_batch(0)
    count = batch.frame_mask.sum(1)

    def stop_loss(where: int) -> float:
        predict = task._predict

        def said(b: Any, targets: torch.Tensor, mask: torch.Tensor) -> Any:
            made, durations = predict(b, targets, mask)
            steps = torch.arange(mask.shape[1]) == count[:, None] + where
            return made._replace(stops=torch.where(steps[mask], 9.0, -9.0)), durations

        task._predict = said  # type: ignore[method-assign]
        try:
            return float(task.losses(batch)["stop"].detach())
        finally:
            task._predict = predict  # type: ignore[method-assign]

    assert stop_loss(0) < 0.01 < 1.0 < stop_loss(-1)


def test_parts_that_do_not_fit_are_one_line(corpus: Path, tmp_path: Path) -> None:
    for wrong, message in (
        ("voice.model.codebooks=[11, 11, 11]", "must be equal"),
        ("voice.codec={kind: mel_vocoder}", "has no codes: choose fsq"),
        ("voice.model.speakers=[tiny]", "need 'anyone'"),
        ("voice.model.reference.sample_rate=8000", "must equal voice.codec.sample_rate"),
        ("task.prompt_share=0", "trained by references"),
    ):
        with pytest.raises(SsmphonyError, match=message):
            task_of(corpus, tmp_path, "voice.model.d_style=4", wrong)


@pytest.mark.integration
def test_it_learns_and_its_codec_stays(corpus: Path, tmp_path: Path) -> None:
    file, overrides = settings("fish", corpus, tmp_path / "run", "run.validate_every=20")
    overrides = (*overrides, "task.optimiser.max_steps=40", "run.checkpoint_steps=40", "run.ema=0")
    out = train(file, overrides)
    losses = scalars(out)["train/codes"]
    first, last = (np.mean([losses[step] for step in steps]) for steps in (range(1, 6), range(35, 40)))
    assert last < first - 0.05
    assert read_weights(out, "model").keys() == task_of(corpus, tmp_path / "other").model.state_dict().keys()
