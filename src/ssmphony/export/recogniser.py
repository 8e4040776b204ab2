"""A trained recogniser as one file, for ``ssmphony evaluate --recogniser``."""

from __future__ import annotations

import os
from pathlib import Path

from ssmphony.alignment.recogniser import RecogniserConfig, write_recogniser
from ssmphony.config import parse
from ssmphony.export.source import task_of
from ssmphony.export.weights import read_weights
from ssmphony.nn.weights import load_exactly
from ssmphony.types import SsmphonyError

TASK = "recogniser"
"""The kind of the trainings whose models these are."""


def is_recogniser_run(run: Path) -> bool:
    """Whether a folder is a training of a recogniser, or a checkpoint in it."""
    return task_of(run).get("kind") == TASK


def export_recogniser(run: Path, out: Path) -> None:
    """Write the recogniser of a training run, or of a checkpoint in it, as ``out``, whole or not at all.

    Raises:
        SsmphonyError: ``out`` is no ``.safetensors`` file or exists, or the weights do not fit the settings of the run.
    """
    if out.suffix != ".safetensors":
        raise SsmphonyError(f"{out}: a recogniser is one file: give it a name that ends in .safetensors")
    if out.exists():
        raise SsmphonyError(f"{out} exists; remove it or choose another name")
    model = parse(RecogniserConfig, task_of(run).get("recogniser", {}), f"{run}: task.recogniser").build()
    load_exactly(model, read_weights(run, "model"), run, "task.recogniser")
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.part")
    try:
        write_recogniser(partial, model)
        os.replace(partial, out)
    finally:
        partial.unlink(missing_ok=True)
