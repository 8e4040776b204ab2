"""Curves: what trainings logged, and the axes on which costs are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    """By name, the steps and values of each scalar of a run, in order: of all times it was started."""
    found: dict[str, dict[int, float]] = {}
    for path in sorted((run / "tensorboard").glob("events.*")):
        events = EventAccumulator(str(path), size_guidance={"scalars": 0, "images": 1, "audio": 1})
        events.Reload()
        tags: dict[str, Any] = events.Tags()
        for name in tags["scalars"]:
            found.setdefault(name, {}).update((event.step, event.value) for event in events.Scalars(name))
    return {name: sorted(values.items()) for name, values in found.items()}


def log_panels(titles: Sequence[str], label: str, width: float) -> tuple[Figure, Any]:
    """A figure and its axes (title,), logarithmic and side by side, over what ``label`` names."""
    figure = Figure(figsize=(width, 3.4))
    axes = figure.subplots(1, len(titles), squeeze=False)[0]
    for axis, title in zip(axes, titles, strict=True):
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_xlabel(label, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.grid(linewidth=0.3)
    return figure, axes
