"""The inputs of a model's ``encoder`` graph, to export it with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ssmphony.graph_spec import Axis
from ssmphony.interfaces import VoiceModel
from ssmphony.model_inputs import FEWEST_STEPS, model_inputs
from ssmphony.types import Reference, Style, Tokens

Axes = dict[str, dict[int, Axis]]


def graph_inputs(model: VoiceModel, fields: Sequence[str], max_tokens: int) -> tuple[dict[str, Tensor], Axes]:
    """Two rows of each input by name, and their free axes.

    Args:
        fields: The fields of `ModelInputs` that the model reads, in the order of the inputs; the arrays of a reference
            come after them.
    """
    sentence = Tokens((1,) * 7, ("x",) * 7)
    reference = {
        entry.name: np.zeros((min(9, entry.max_steps), entry.channels), entry.dtype) for entry in model.reference_inputs
    }
    style = Style(reference=Reference(reference) if reference else None)
    arrays = model_inputs(model, [sentence] * 2, [style] * 2).named()
    speaker = "speaker_weights" if "mix" in model.capabilities else "speaker"
    names = [speaker if name == "speaker" else name for name in fields]
    tokens = Axis("tokens", 2, max_tokens)
    axes: Axes = {name: {1: tokens} for name in names if name != speaker and arrays[name].ndim == 2}
    for entry in model.reference_inputs:
        steps = Axis(f"{entry.name}_steps", FEWEST_STEPS, entry.max_steps)
        axes |= {f"reference_{entry.name}": {1: steps}, f"reference_{entry.name}_mask": {1: steps}}
    return {name: torch.from_numpy(arrays[name]) for name in [*names, *(n for n in axes if n not in names)]}, axes
