"""Weights of a module: loading all of them, or an error that names the first that does not fit; and their checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import Tensor, nn

from ssmphony.types import SsmphonyError


def misfit(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> str | None:
    """The first name that only one of two mappings has, or whose shapes differ; None where all fit."""
    shapes = {name: value.shape for name, value in found.items()}
    for name, value in expected.items():
        if shapes.pop(name, None) != value.shape:
            return name
    return next(iter(shapes), None)


def load_exactly(module: nn.Module, weights: Mapping[str, Tensor], source: str | Path, part: str) -> None:
    """Load weights by their names in the module.

    Args:
        module: All its parameters and stored buffers are replaced.
        weights: By name, of the same shapes.
        source: Where they come from, for the error.
        part: What they are, for the error: the block of the training file that the module was built from.

    Raises:
        SsmphonyError: A name is missing, unknown, or of another shape. The module is left as it was.
    """
    if (name := misfit(module.state_dict(), weights)) is not None:
        raise SsmphonyError(f"{source}: the weights do not fit {part} (at '{name}'): use their training's settings")
    module.load_state_dict(weights)


def checksum(module: nn.Module) -> str:
    """Of a module's weights: it distinguishes the results of two trainings."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(value.detach().cpu().numpy()).tobytes())
    return digest.hexdigest()
