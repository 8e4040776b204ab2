"""Spectrograms, alignments and sound for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning.pytorch.loggers import TensorBoardLogger
from matplotlib.figure import Figure
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from ssmphony.audio.mel import log_mel
from ssmphony.training.task import Task
from ssmphony.types import FrameGrid, MelFormat

Boundaries = Mapping[str, tuple[Sequence[float], Sequence[str]]]
"""For a picture of that title: where tokens begin, in frames, and their symbols."""


def mel_figure(mels: Mapping[str, Tensor], boundaries: Boundaries | None = None) -> Figure:
    """Mel spectrograms (time, n_mels) under each other, with token boundaries (frames) and symbols where given."""
    figure = Figure(figsize=(14, 3 * len(mels)), layout="constrained")
    for axis, (title, mel) in zip(figure.subplots(len(mels), squeeze=False)[:, 0], mels.items(), strict=True):
        axis.imshow(_array(mel).T, origin="lower", aspect="auto", vmin=-9, vmax=2)
        axis.set_title(title, loc="left")
        for edge, symbol in zip(*(boundaries or {}).get(title, ((), ())), strict=True):
            axis.axvline(edge, color="white", linewidth=0.5)
            axis.text(edge + 0.5, 0.92 * mel.shape[1], symbol, color="white", fontsize=8)
    return figure


def alignment_figure(scores: Tensor, recorded: Tensor, predicted: Tensor, symbols: Sequence[str]) -> Figure:
    """How likely each frame is under each token, with the path that was chosen; next to it the durations.

    scores: (token, frame) log likelihood; recorded, predicted: (token,) durations in frames.
    """
    tokens, frames = scores.shape
    figure = Figure(figsize=(14, 2 + 0.16 * tokens), layout="constrained")
    path, bars = figure.subplots(1, 2, sharey=True, width_ratios=(4, 1))
    path.imshow(_array(scores.float().softmax(dim=0)), origin="lower", aspect="auto", vmin=0, vmax=1, cmap="Greys")
    ends = _array(recorded.cumsum(0))
    path.step([0, *ends - 0.5], [0, *range(tokens)], where="pre", color="tab:red", linewidth=1)
    path.set(xlim=(-0.5, frames - 0.5), xlabel="frame", yticks=range(tokens), yticklabels=symbols)
    rows = range(tokens)
    bars.barh([row + 0.2 for row in rows], _array(recorded), height=0.4, color="tab:red", label="recording")
    bars.barh([row - 0.2 for row in rows], _array(predicted), height=0.4, color="tab:blue", label="model")
    bars.set(xlabel="frames")
    bars.legend()
    return figure


def log_figure(task: Task[Any, Any], name: str, figure: Figure) -> None:
    if (writer := _writer(task)) is not None:
        writer.add_figure(name, figure, task.step)


def log_mels(task: Task[Any, Any], name: str, mels: Mapping[str, Tensor], boundaries: Boundaries | None = None) -> None:
    log_figure(task, name, mel_figure(mels, boundaries))


def log_alignment(
    task: Task[Any, Any], name: str, scores: Tensor, recorded: Tensor, predicted: Tensor, symbols: Sequence[str]
) -> None:
    log_figure(task, name, alignment_figure(scores, recorded, predicted, symbols))


def log_audio(task: Task[Any, Any], sounds: Mapping[str, Tensor], sample_rate: int) -> None:
    """sounds: (n,) samples by name."""
    if (writer := _writer(task)) is not None:
        for name, samples in sounds.items():
            writer.add_audio(name, samples.detach().float().cpu().clamp(-1, 1), task.step, sample_rate)


def log_sounds(task: Task[Any, Any], name: str, sounds: Mapping[str, Tensor], grid: FrameGrid) -> None:
    """Pictures and sounds of one clip; sounds: (n,) samples by title."""
    rate = grid.sample_rate
    picture = MelFormat(rate, 1024, grid.hop_length, 80, 0.0, rate / 2)
    mels = {title: torch.from_numpy(log_mel(_array(samples), picture)) for title, samples in sounds.items()}
    log_mels(task, f"mel/{name}", mels)
    log_audio(task, {f"{title}/{name}": samples for title, samples in sounds.items()}, rate)


def _writer(task: Task[Any, Any]) -> SummaryWriter | None:
    """TensorBoard's, in the process that writes it."""
    logger = task.logger
    return logger.experiment if isinstance(logger, TensorBoardLogger) and task.trainer.is_global_zero else None


def _array(values: Tensor) -> npt.NDArray[np.float32]:
    return values.detach().cpu().float().numpy()
