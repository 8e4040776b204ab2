"""`ssmphony train`: a YAML config becomes a voice block, a task and a Lightning run."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, Timer
from lightning.pytorch.loggers import TensorBoardLogger
from soundfile import SoundFileError

from ssmphony.config import choose, load_yaml, parse
from ssmphony.export.weights import current_names
from ssmphony.nn.weights import misfit
from ssmphony.training.adapters import adapt
from ssmphony.training.average import MovingAverage
from ssmphony.training.callbacks import SaveBest, SaveLast, StopOnSignal, Stopped
from ssmphony.training.config import RunConfig, TrainingConfig
from ssmphony.training.initial import load_fitting, origin
from ssmphony.training.progress import ShowProgress
from ssmphony.training.quiet import quiet
from ssmphony.training.task import Task
from ssmphony.training.tasks import RENAMED, TASKS
from ssmphony.types import SsmphonyError


def train(path: Path, overrides: tuple[str, ...] = (), init: str | None = None) -> Path:
    """Train, or resume if ``run.out`` holds ``last.ckpt``; returns the folder of the run.

    ``init`` is a checkpoint, a run, a voice or a ``.safetensors`` file whose weights of equal names and shapes start a
    new run; a resumed one does without. Ctrl-C and SIGTERM end it after the step in hand, whose state is saved, and
    are then delivered. Raises `SsmphonyError` for whatever is wrong with the file, the data or the weights.
    """
    config = read_config(path, overrides)
    out = Path(config.run.out)
    last = out / "last.ckpt"
    with quiet():
        task = build(config, str(path))
        if init and not last.exists():
            load_fitting(task.voice, origin(init))
        if config.adapters is not None:
            if not init and not last.exists():
                raise SsmphonyError(f"{path}: adapters are for finished weights: give them with --init")
            adapt(task.voice, config.adapters)
        if last.exists() and _finished(task, last):
            return out
        stop = StopOnSignal()
        trainer = build_trainer(config.run, task, stop)
        if trainer.is_global_zero:
            _write_config(out, config)
        with suppress(Stopped):
            trainer.fit(task, ckpt_path=str(last) if last.exists() else None)
    if stop.received is not None:
        signal.raise_signal(stop.received)
    return out


def read_config(path: Path, overrides: tuple[str, ...] = ()) -> TrainingConfig:
    """The training file; raises `SsmphonyError` with one line that names what is wrong."""
    return parse(TrainingConfig, load_yaml(path, overrides), str(path))


def build(config: TrainingConfig, where: str) -> Task[Any, Any]:
    """The task with its data and its fresh model; ``where`` names the file in errors."""
    if config.run.threads:
        torch.set_num_threads(config.run.threads)
    settings = parse(choose(TASKS, config.task.get("kind", ""), "task", RENAMED), config.task, f"{where}: task")
    L.seed_everything(config.run.seed, verbose=False)
    try:
        return settings.build(config.voice, config.run.seed)
    except SoundFileError as error:
        raise SsmphonyError(f"{where}: cannot read the data: {str(error).splitlines()[0]}") from None
    except OSError as error:
        reason = f"{error.filename}: {(error.strerror or '').lower()}" if error.filename else str(error)
        raise SsmphonyError(f"{where}: cannot read the data: {reason}") from None


def build_trainer(run: RunConfig, task: Task[Any, Any], stop: StopOnSignal) -> L.Trainer:
    """Lightning's trainer; under torchrun with torchrun's processes."""
    out = Path(run.out)
    devices, num_nodes = _processes(run)
    strategy = run.strategy
    if strategy == "auto" and devices * num_nodes > 1:
        # with two optimisers each backward pass leaves the other side's parameters without a gradient
        strategy = "ddp" if task.discriminators is None else "ddp_find_unused_parameters_true"
    average = MovingAverage(run.ema)
    saving = SaveLast(out, run.checkpoint_minutes, run.checkpoint_steps, stop)
    callbacks: list[Callback] = [average, stop, SaveBest(out, average), saving]
    if run.minutes is not None:  # before what saves the last step
        callbacks.insert(0, Timer(timedelta(minutes=run.minutes), interval="step", verbose=False))
    if run.progress:
        callbacks.append(ShowProgress(run.log_every))
    try:
        return L.Trainer(
            max_epochs=-1,
            accelerator=run.accelerator,
            devices=devices,
            num_nodes=num_nodes,
            strategy=strategy,
            precision=run.precision,
            logger=TensorBoardLogger(out, name="", version="tensorboard"),
            callbacks=callbacks,
            val_check_interval=run.validate_every,
            check_val_every_n_epoch=None,
            num_sanity_val_steps=0,
            log_every_n_steps=run.log_every,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
    except (MisconfigurationException, ValueError, RuntimeError) as error:
        raise SsmphonyError(f"run: {str(error).splitlines()[0]}") from None


def _processes(run: RunConfig) -> tuple[int, int]:
    """Processes a machine, and machines."""
    if not torch.distributed.is_torchelastic_launched():
        return run.devices, run.num_nodes
    local = int(os.environ["LOCAL_WORLD_SIZE"])
    return local, int(os.environ["WORLD_SIZE"]) // local


def _finished(task: Task[Any, Any], last: Path) -> bool:
    """Whether the run has taken all its steps; raises `SsmphonyError` when its checkpoint cannot be resumed."""
    try:
        checkpoint: dict[str, Any] = torch.load(last, map_location="cpu", weights_only=True, mmap=True)
        state, step = current_names(checkpoint["state_dict"], task.voice.trains), int(checkpoint["step"])
    except Exception:  # zip and pickle readers raise their own
        raise SsmphonyError(f"{last} is damaged: remove it to start again, or set another run.out") from None
    trained = checkpoint.get("trains", task.voice.trains)
    odd = "trains" if trained != task.voice.trains else misfit(task.state_dict(), state)
    if odd:
        raise SsmphonyError(
            f"{last} is of another training (at '{odd}'): set another run.out, with --init {last.parent} to start "
            "from its weights"
        )
    return step >= task.optimiser.max_steps


def _write_config(out: Path, config: TrainingConfig) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "config.json").write_text(config.model_dump_json(indent=2), encoding="utf-8")
    except OSError as error:
        raise SsmphonyError(f"{out}: cannot be written: {(error.strerror or str(error)).lower()}") from None
