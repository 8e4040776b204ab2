"""Spectrograms, durations and sound for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
import matplotlib
from torch import Tensor


Boundaries = Mapping[str, tuple[Sequence[float], Sequence[str]]]
"""For a picture of that title: where tokens begin, in frames, and their symbols."""


def mel_figure(mels: Mapping[str, Tensor], boundaries: Boundaries | None = None) -> Any:
    """Mel spectrograms (time, n_mels) under each other, with token boundaries (frames) and symbols where given."""
    matplotlib.use("Agg", force=False)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 3 * len(mels)), layout="constrained")
    for axis, (title, mel) in zip(figure.subplots(len(mels), squeeze=False)[:, 0], mels.items(), strict=True):
        axis.imshow(mel.detach().cpu().float().T, origin="lower", aspect="auto", vmin=-9, vmax=2)
        axis.set_title(title, loc="left")
        for edge, symbol in zip(*(boundaries or {}).get(title, ((), ())), strict=False):
            axis.axvline(edge, color="white", linewidth=0.5)
            axis.text(edge + 0.5, 92, symbol, color="white", fontsize=8)
    return figure


def log_mels(task: L.LightningModule, name: str, mels: Mapping[str, Tensor], boundaries: Boundaries | None = None) -> None:
    if task.logger is not None:
        task.logger.experiment.add_figure(name, mel_figure(mels, boundaries), task.step)  # type: ignore[attr-defined]


def log_audio(task: L.LightningModule, sounds: Mapping[str, Tensor], sample_rate: int) -> None:
    if task.logger is not None:
        for name, samples in sounds.items():
            task.logger.experiment.add_audio(name, samples.detach().clamp(-1, 1), task.step, sample_rate)  # type: ignore[attr-defined]
