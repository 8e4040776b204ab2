"""Weights that a training starts from, or that a finished part brings along."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ssmphony.export.weights import Part, read_weights
from ssmphony.types import SsmphonyError
from ssmphony.voices.package import locate


def origin(name: str | Path) -> Path:
    """A path, where there is one of that name, or else the installed voice."""
    return path if (path := Path(name)).exists() else locate(name)


def load_fitting(module: nn.Module, path: Path, part: Part) -> None:
    """Start from other weights: every tensor of equal name and shape; raises `SsmphonyError` if none fits."""
    source = read_weights(path, part)
    target = module.state_dict()
    fitting = {name: value for name, value in source.items() if name in target and value.shape == target[name].shape}
    if not fitting:
        raise SsmphonyError(f"{path}: no weight fits this {part}; was it trained with another voice block?")
    module.load_state_dict({**target, **fitting})


def load_exactly(module: nn.Module, path: Path, part: Part) -> None:
    """Load all weights of a part; raises `SsmphonyError` where they do not fit."""
    source = read_weights(path, part)
    target = module.state_dict()
    odd = [name for name in {**target, **source} if not (name in target and name in source)]
    odd += [name for name in target if name in source and source[name].shape != target[name].shape]
    if odd:
        raise SsmphonyError(f"{path}: the weights do not fit voice.{part} (at '{odd[0]}'): use that run's voice block")
    module.load_state_dict(source)
