"""The moving average, the schedule and the count of steps, each against its formula."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from torch import nn

from ssmphony.training.average import MovingAverage
from ssmphony.training.schedule import OptimiserConfig, Steps, seed_step
from ssmphony.training.task import Task
from ssmphony.training.voice_module import VoiceModule


class Still(Task[nn.Linear, None]):
    """A task that never trains."""

    def __init__(self) -> None:
        super().__init__(VoiceModule(nn.Linear(2, 1), None, "model"), OptimiserConfig(), seed=0)
        self.other = nn.Linear(1, 1)

    def training_batch(self, number: int) -> int:
        return number

    def validation_batches(self) -> list[int]:
        return []


def fill(task: Still, value: float) -> None:
    for parameter in task.model.parameters():
        nn.init.constant_(parameter, value)


def test_average_follows_its_formula() -> None:
    task, average = Still(), MovingAverage(decay=0.5)
    fill(task, 8.0)
    average.on_fit_start(None, task)  # type: ignore[arg-type]
    expected = 0.0
    for updates, value in enumerate([8.0, 4.0, 6.0, -2.0, 0.5]):
        fill(task, value)
        average.on_train_batch_end(None, task, None, None, 0)  # type: ignore[arg-type]
        decay = 0.0 if not updates else min(0.5, (1 + updates) / (10 + updates))
        expected = decay * expected + (1 - decay) * value
        for mean in average.mean.values():
            torch.testing.assert_close(mean, torch.full_like(mean, expected))


def test_validation_sees_the_average_and_training_goes_on() -> None:
    task, average = Still(), MovingAverage(decay=0.9)
    average.on_fit_start(None, task)  # type: ignore[arg-type]
    average.mean = {name: torch.full_like(value, 5.0) for name, value in average.mean.items()}
    fill(task, 1.0)
    average.on_validation_epoch_start(None, task)  # type: ignore[arg-type]
    assert all(bool((parameter == 5).all()) for parameter in task.model.parameters())
    average.on_validation_epoch_end(None, task)  # type: ignore[arg-type]
    assert all(bool((parameter == 1).all()) for parameter in task.model.parameters())
    assert all(bool((mean == 5).all()) for mean in average.mean.values())


def test_checkpoint_holds_both() -> None:
    task, average = Still(), MovingAverage(decay=0.9)
    average.on_fit_start(None, task)  # type: ignore[arg-type]
    average.mean = {name: torch.full_like(value, 5.0) for name, value in average.mean.items()}
    average.updates = 17
    fill(task, 1.0)
    saved = {"state_dict": task.state_dict()}
    average.on_save_checkpoint(None, task, saved)  # type: ignore[arg-type]
    saved = {key: {name: value.clone() for name, value in part.items()} for key, part in saved.items()}
    assert set(saved["state_dict"]) == {"voice.model.weight", "voice.model.bias", "other.weight", "other.bias"}
    assert bool((saved["state_dict"]["voice.model.weight"] == 5).all())

    again, restored = Still(), MovingAverage(decay=0.9)
    restored.on_load_checkpoint(None, again, saved)  # type: ignore[arg-type]
    restored.on_fit_start(None, again)  # type: ignore[arg-type]
    assert restored.updates == 17
    assert bool((again.model.weight == 1).all())
    assert bool((restored.mean["voice.model.weight"] == 5).all())
    assert torch.equal(again.other.weight, task.other.weight)


def test_schedule_warms_up_and_falls_as_a_cosine() -> None:
    settings = OptimiserConfig(warmup=10, max_steps=110, final_lr=0.1)
    assert settings.factor(0) == pytest.approx(0.1)
    assert settings.factor(9) == pytest.approx(1.0)
    assert settings.factor(10) == pytest.approx(1.0)
    assert settings.factor(60) == pytest.approx(0.55)
    assert settings.factor(110) == settings.factor(500) == pytest.approx(0.1)
    assert OptimiserConfig(warmup=0, max_steps=1).factor(0) == pytest.approx(1.0)


def test_steps_begin_where_training_stands() -> None:
    assert list(islice(Steps(lambda step: step * step, lambda: 3), 4)) == [9, 16, 25, 36]


def test_noise_is_a_function_of_seed_and_step() -> None:
    def draw(seed: int, step: int) -> float:
        seed_step(seed, step)
        return float(torch.rand(()))

    first = {(seed, step): draw(seed, step) for seed in range(3) for step in range(20)}
    assert len(set(first.values())) == 60
    assert all(draw(*key) == value for key, value in reversed(first.items()))
