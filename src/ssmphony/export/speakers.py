"""The speakers that a voice offers: those of its training, or some of them, in another order and under other names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from ssmphony.config import choose
from ssmphony.types import SsmphonyError


def offer(block: Mapping[str, Any], speakers: Mapping[str, str]) -> tuple[dict[str, Any], list[int]]:
    """Name the speakers of a voice.

    Args:
        block: The voice block of a training.
        speakers: The speakers of the voice, its own first, each with its name in the training.

    Returns:
        The voice block of the voice, and the row of each of its speakers in the tables of the training.

    Raises:
        SsmphonyError: A speaker is not of the training, or is named twice.
    """
    trained: Sequence[str] = block["model"]["speakers"]
    rows = {name: row for row, name in enumerate(trained)}
    chosen = [choose(rows, name, "speaker of trained_speakers") for name in speakers.values()]
    if len(set(chosen)) < len(chosen):
        raise SsmphonyError("trained_speakers: two speakers of the voice are the same one of the training")
    return {**block, "model": {**block["model"], "speakers": list(speakers)}}, chosen


def take_rows(weights: Mapping[str, Tensor], tables: Sequence[str], rows: Sequence[int]) -> dict[str, Tensor]:
    """The weights of a model with these rows of its tables of speakers."""
    return {name: value[list(rows)] if name in tables else value for name, value in weights.items()}
