"""Weights that a training starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from ssmphony.export.weights import read_parts, read_weights
from ssmphony.nn.learned_state import plain_tensors
from ssmphony.nn.weights import load_exactly
from ssmphony.training.voice_module import VoiceModule
from ssmphony.types import SsmphonyError
from ssmphony.voices.package import locate


def origin(name: str | Path) -> Path:
    """A path, where there is one of that name, or else the installed voice."""
    return path if (path := Path(name)).exists() else locate(name)


def load_codec(codec: nn.Module, name: str, where: str = "voice.codec") -> None:
    """Give a codec, or what ``where`` says is a part of it, the weights of a voice, run or checkpoint.

    Raises `SsmphonyError` where they do not fit.
    """
    path = origin(name)
    load_exactly(codec, read_weights(path, "codec"), path, where)


def load_fitting(voice: VoiceModule[Any, Any], path: Path) -> None:
    """Start from other weights: every tensor of equal name and shape, of each part that ``path`` holds.

    Raises `SsmphonyError` if none fits a part that is trained.
    """
    trained = tuple(voice.trained())
    source = read_parts(path, (*trained, *(part for part in voice.parts() if part not in trained)))
    fits = False
    for part, module in voice.parts().items():
        target, weights = module.state_dict(), source.get(part, {})
        fitting = {
            name: value
            for name, value in {**plain_tensors(weights), **weights}.items()
            if name in target and value.shape == target[name].shape
        }
        module.load_state_dict({**target, **fitting})
        fits = fits or bool(fitting and part in trained)
    if not fits:
        raise SsmphonyError(
            f"{path}: no weight fits this {' or '.join(trained)}; was it trained with another voice block?"
        )
