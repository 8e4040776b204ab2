"""A run that was killed or stopped goes on to exactly what an unbroken one comes to."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ssmphony.export.weights import Part, read_weights
from ssmphony.training.run import train
from ssmphony.training.task import Task
from ssmphony.types import SsmphonyError
from tests.unit.training.runs import PICTURES, STEPS, assert_same, checkpoint, scalars, settings

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
KINDS = ("s4_acoustic", "lewm", "codec")
#: Checkpoints are written at steps 3, 6, 9; at 4 and 8 there is a validation.
KILLS: dict[str, tuple[int | str, int]] = {"s4_acoustic": (7, 6), "lewm": (7, 6), "codec": ("checkpoint", 3)}


@pytest.fixture(scope="module", autouse=True)
def no_pictures() -> Iterator[None]:
    """They take most of the time of so short a run; `test_pictures` draws them."""
    with pytest.MonkeyPatch.context() as patch:
        for owner, name in PICTURES:
            patch.setattr(owner, name, lambda *args: None)
        yield


@pytest.fixture(scope="module")
def unbroken(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {kind: train(*settings(kind, corpus, tmp_path_factory.mktemp(kind) / "run")) for kind in KINDS}


@pytest.fixture(scope="module")
def killed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs that SIGKILL ended."""
    jobs: list[dict[str, Any]] = []
    folders: dict[str, Path] = {}
    for kind, (at, _) in KILLS.items():
        folders[kind] = tmp_path_factory.mktemp(f"{kind}_killed") / "run"
        config, overrides = settings(kind, corpus, folders[kind])
        jobs.append({"config": str(config), "overrides": overrides, "at": at})
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.unit.training.killed"]
    done = subprocess.run(command, input=json.dumps(jobs), text=True, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return folders


def assert_equal_runs(resumed: Path, unbroken: Path, first_step: int) -> None:
    """Losses of every step after ``first_step``, and everything that is kept at the end."""
    expected = scalars(unbroken)
    assert {name for name in expected if name.startswith("train/")}
    for name, values in scalars(resumed).items():
        wanted = {step: value for step, value in expected[name].items() if step >= first_step + name.startswith("val/")}
        assert values == wanted, name
        assert all(map(math.isfinite, values.values()))
    assert sorted(scalars(resumed)["val/loss"]) == [step for step in (4, 8, 10) if step > first_step]
    one, other = checkpoint(resumed / "last.ckpt"), checkpoint(unbroken / "last.ckpt")
    for part in ("state_dict", "current_model_state", "averaging_state", "optimizer_states", "lr_schedulers", "step"):
        assert_same(one[part], other[part], part)
    assert one["callbacks"] == other["callbacks"]
    assert_same(checkpoint(resumed / "best.ckpt"), checkpoint(unbroken / "best.ckpt"))


@pytest.mark.parametrize("kind", KINDS)
def test_killed_run_resumes_to_the_same_losses(
    kind: str, corpus: Path, unbroken: dict[str, Path], killed: dict[str, Path]
) -> None:
    first_step = KILLS[kind][1]
    assert checkpoint(killed[kind] / "last.ckpt")["step"] == first_step
    out = train(*settings(kind, corpus, killed[kind]))
    assert checkpoint(out / "last.ckpt")["step"] == STEPS
    assert_equal_runs(out, unbroken[kind], first_step)


def signal_at(step: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the signal come in the middle of a step."""
    begin_step = Task.begin_step

    def begin(task: Task[Any]) -> None:
        if task.step == step:
            signal.raise_signal(number)
        begin_step(task)

    monkeypatch.setattr(Task, "begin_step", begin)


@pytest.mark.parametrize("step", [1, 3])  # 3 is the step before a validation
def test_interrupted_run_saves_its_last_step(
    step: int, corpus: Path, unbroken: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, overrides = settings("s4_acoustic", corpus, tmp_path)
    with monkeypatch.context() as patch:
        signal_at(step, signal.SIGINT, patch)
        with pytest.raises(KeyboardInterrupt):
            train(config, overrides)
    assert checkpoint(tmp_path / "last.ckpt")["step"] == step + 1
    train(config, overrides)
    assert_equal_runs(tmp_path, unbroken["s4_acoustic"], step + 1)


def test_a_second_signal_ends_it_at_once(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(task: Task[Any]) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Task, "begin_step", begin)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(*settings("s4_acoustic", corpus, tmp_path))
    assert not (tmp_path / "last.ckpt").exists()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_finished_run_is_left_alone(corpus: Path, unbroken: dict[str, Path]) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in unbroken["s4_acoustic"].iterdir()}
    assert train(*settings("s4_acoustic", corpus, unbroken["s4_acoustic"])) == unbroken["s4_acoustic"]
    assert {path.name: path.stat().st_mtime_ns for path in unbroken["s4_acoustic"].iterdir()} == before


def test_finished_run_goes_on_when_it_is_given_more_steps(
    corpus: Path, unbroken: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "last.ckpt").write_bytes((unbroken["codec"] / "last.ckpt").read_bytes())
    train(*settings("codec", corpus, out, "task.optimiser.max_steps=12"))
    assert checkpoint(out / "last.ckpt")["step"] == 12
    assert sorted(scalars(out)["train/spectral"]) == [10, 11]


def as_earlier_versions_wrote(path: Path, both: bool) -> None:
    """One trained module named ``model``, and no word on which part it is."""
    found = checkpoint(path)
    del found["trains"]
    for key in ("state_dict", "current_model_state"):
        for name in [name for name in found[key] if name.startswith("voice.")]:
            inner = name.removeprefix("voice.")
            found[key]["model." + (inner if both else inner.partition(".")[2])] = found[key].pop(name)
    torch.save(found, path)


@pytest.mark.parametrize(("kind", "parts"), [("codec", ("codec",)), ("lewm", ("model", "codec"))])
def test_checkpoints_of_earlier_versions_are_read_and_resumed(
    kind: str, parts: tuple[Part, ...], corpus: Path, unbroken: dict[str, Path], tmp_path: Path
) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes((unbroken[kind] / "last.ckpt").read_bytes())
    as_earlier_versions_wrote(path, both=len(parts) == 2)
    for part in parts:
        assert_same(read_weights(tmp_path, part), read_weights(unbroken[kind], part))
    train(*settings(kind, corpus, tmp_path, "task.optimiser.max_steps=11"))
    resumed = checkpoint(path)
    assert resumed["step"] == 11
    assert resumed["trains"] == ("both" if len(parts) == 2 else parts[0])
    assert resumed["state_dict"].keys() == checkpoint(unbroken[kind] / "last.ckpt")["state_dict"].keys()


def test_damaged_checkpoint_is_one_line(corpus: Path, unbroken: dict[str, Path], tmp_path: Path) -> None:
    whole = (unbroken["s4_acoustic"] / "last.ckpt").read_bytes()
    (tmp_path / "last.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SsmphonyError, match=r"last.ckpt is damaged: remove it"):
        train(*settings("s4_acoustic", corpus, tmp_path))


def test_checkpoint_of_another_model_is_one_line(corpus: Path, unbroken: dict[str, Path]) -> None:
    config, overrides = settings("s4_acoustic", corpus, unbroken["s4_acoustic"], "voice.model.d_model=24")
    with pytest.raises(SsmphonyError, match=r"last.ckpt is of another training \(at 'voice\.model\."):
        train(config, overrides)


def test_weights_that_are_no_numbers_are_not_saved(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_step = Task.end_step

    def spoil(task: Task[Any]) -> None:
        if task.step == 4:
            with torch.no_grad():
                next(task.model.parameters()).fill_(torch.nan)
        end_step(task)

    monkeypatch.setattr(Task, "end_step", spoil)
    with pytest.raises(SsmphonyError, match=r"step 6: the weights are no longer numbers.*task\.optimiser\.lr"):
        train(*settings("s4_acoustic", corpus, tmp_path))
    assert checkpoint(tmp_path / "last.ckpt")["step"] == 3
