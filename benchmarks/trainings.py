"""Trainings that a benchmark measures one after another: their checkpoints, and figures that are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ssmphony.evaluation.journal import Journal


def checkpoint(run: Path) -> Path:
    """The best checkpoint of a training's folder, or the folder itself, whose newest weights then count."""
    best = run / "best.ckpt"
    return best if best.is_file() else run


def kept(
    cache: Path | None, run: Path, stamp: Mapping[str, Any], measure: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """What ``measure`` finds, or has found in an earlier call with this cache, the same weights and the same stamp."""
    if cache is None:
        return measure()
    journal = Journal(cache, run.name, {**stamp, "weights": _digest(run)})
    known = journal.rows().get(run.name)
    if known is None:
        known = {**measure(), "id": run.name}
        journal.add(known)
    return {name: value for name, value in known.items() if name != "id"}


def _digest(run: Path) -> str:
    """Of all weights in a folder: those of a training or the graphs of a voice."""
    found = hashlib.sha256()
    for path in sorted(run.iterdir()):
        if path.suffix in (".ckpt", ".safetensors", ".onnx"):
            found.update(path.name.encode() + path.read_bytes())
    return found.hexdigest()
