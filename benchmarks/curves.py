"""What trainings logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
