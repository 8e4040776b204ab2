"""`ssmphony train`: a YAML config becomes a voice block, a task and a Lightning run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint, RichProgressBar, WeightAveraging
from lightning.pytorch.loggers import TensorBoardLogger
from torch import Tensor

from ssmphony.config import Config, choose, load_yaml, parse
from ssmphony.training.acoustic import AcousticTask, AcousticTaskConfig
from ssmphony.training.callbacks import SaveLast
from ssmphony.training.config import VoiceBlock
from ssmphony.training.vocoder import VocoderTask, VocoderTaskConfig
from ssmphony.types import SsmphonyError
from ssmphony.voices.weights import read_weights

TASKS = {"acoustic": AcousticTaskConfig, "vocoder": VocoderTaskConfig}


class RunConfig(Config):
    """How to run: where results go, how often to look and to save, on what.

    ``checkpoint_minutes`` is the time between saved states; ``checkpoint_steps`` sets it in steps instead.
    """

    out: str
    seed: int = 0
    precision: str = "32-true"
    accelerator: str = "auto"
    devices: int = 1
    num_nodes: int = 1
    strategy: str = "auto"
    ema: float = 0.999
    validate_every: int = 500
    log_every: int = 20
    checkpoint_minutes: float = 4.0
    checkpoint_steps: int | None = None
    threads: int | None = None
    progress: bool = True


class TrainingConfig(Config):
    """A whole training file: the voice block is copied untouched into the voice package."""

    voice: VoiceBlock
    task: dict[str, Any]
    run: RunConfig


def train(path: Path, overrides: tuple[str, ...] = (), init: str | None = None) -> Path:
    """Train, or resume if ``run.out`` holds ``last.ckpt``; returns the checkpoint folder.

    ``init`` is a checkpoint, a voice folder or a ``.safetensors`` file whose weights of equal names and shapes start
    a new run.
    """
    config = parse(TrainingConfig, load_yaml(path, overrides), str(path))
    task_config = parse(choose(TASKS, config.task.get("kind", ""), "task"), config.task, f"{path}: task")
    run = config.run
    out = Path(run.out)
    if run.threads:
        torch.set_num_threads(run.threads)
    L.seed_everything(run.seed, verbose=False)
    task = task_config.build(config.voice, run.seed)
    last = out / "last.ckpt"
    if init and not last.exists():
        load_weights(task, Path(init))
    out.mkdir(parents=True, exist_ok=True)
    (out / "config.json").write_text(config.model_dump_json(indent=2), encoding="utf-8")
    trainer = L.Trainer(
        max_epochs=-1,
        accelerator=run.accelerator,
        devices=run.devices,
        num_nodes=run.num_nodes,
        strategy=run.strategy,
        precision=run.precision,  # type: ignore[arg-type]
        logger=TensorBoardLogger(out, name="", version="tensorboard"),
        callbacks=_callbacks(run, out),
        val_check_interval=run.validate_every,
        check_val_every_n_epoch=None,
        num_sanity_val_steps=0,
        log_every_n_steps=run.log_every,
        enable_progress_bar=run.progress,
        enable_model_summary=False,
        gradient_clip_val=task_config.optimiser.gradient_clip if task.automatic_optimization else None,
    )
    trainer.fit(task, ckpt_path=str(last) if last.exists() else None)
    return out


def _callbacks(run: RunConfig, out: Path) -> list[Callback]:
    best = ModelCheckpoint(out, filename="best", monitor="val/loss", enable_version_counter=False, save_weights_only=True)
    callbacks: list[Callback] = [
        best,
        WeightAveraging(avg_fn=_moving_average(run.ema), use_buffers=False),
        SaveLast(out, run.checkpoint_minutes, run.checkpoint_steps),
    ]
    if run.progress:
        callbacks.append(RichProgressBar())
    return callbacks


def _moving_average(decay: float) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Exponential moving average of weights, shorter at first so that the beginning is forgotten."""

    def average(mean: Tensor, weight: Tensor, updates: Tensor) -> Tensor:
        n = int(updates)
        return torch.lerp(mean, weight, 1 - min(decay, (1 + n) / (10 + n)))

    return average


def load_weights(task: VocoderTask | AcousticTask, path: Path) -> None:
    """Start from other weights: every tensor of equal name and shape; raises `SsmphonyError` if none fits."""
    source = read_weights(path, task.part)
    target = task.model.state_dict()
    fitting = {name: value for name, value in source.items() if name in target and value.shape == target[name].shape}
    if not fitting:
        raise SsmphonyError(f"{path}: no weight fits this model; was it trained with another voice block?")
    task.model.load_state_dict({**target, **fitting})
