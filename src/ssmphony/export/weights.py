"""Trainable weights on disk, by part of the voice: the acoustic ``model``, the ``codec``, or the ``voice`` of both."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from ssmphony.codecs.tensors import read_tensors
from ssmphony.codecs.vocos import convert, is_vocos
from ssmphony.nn.low_rank import merged_tensors
from ssmphony.types import SsmphonyError

WEIGHTS = "weights.safetensors"
LARGE = 4096
"""Tensors of at least so many numbers ship in float16."""

Part = Literal["model", "codec", "voice"]
"""What a training trains: one of the two, or both at once under the names ``model.…`` and ``codec.…``."""


def read_weights(path: Path, part: Part) -> dict[str, Tensor]:
    """Weights of one part by their names in its module.

    ``path`` is a voice package or a ``.safetensors`` file (names start with the part's), a training run's folder or a
    Lightning checkpoint (which holds what was trained, averaged; only plain tensors are read, nothing is unpickled).
    Low-rank adapters are merged into the weights that they adapt. Public Vocos weights read as a codec. Raises
    `SsmphonyError` when there is nothing of the part.
    """
    if path.is_dir():
        candidates = [path / name for name in (WEIGHTS, "last.ckpt", "best.ckpt") if (path / name).is_file()]
        if not candidates:
            raise SsmphonyError(f"{path}: neither a voice with {WEIGHTS} nor a training run with last.ckpt")
        path = candidates[0]
    found = merged_tensors(read_tensors(path))
    if part == "codec" and is_vocos(found):
        return convert(found, path)[1]
    if path.suffix != ".safetensors":  # Lightning's name for the module that was trained
        found = {name.removeprefix("model."): value for name, value in found.items() if name.startswith("model.")}
    both = any(name.startswith("model.") for name in found) and any(name.startswith("codec.") for name in found)
    prefix = f"{part}." if part != "voice" and (both or path.suffix == ".safetensors") else ""
    weights = {name.removeprefix(prefix): value.float() for name, value in found.items() if name.startswith(prefix)}
    if not weights:
        raise SsmphonyError(f"{path}: holds no weights of a {part}")
    return weights


def public_codec(path: Path) -> dict[str, Any] | None:
    """The codec block that a file of public Vocos weights asks for, or None for weights that were trained here."""
    if path.is_dir() or not is_vocos(found := read_tensors(path)):
        return None
    config, _ = convert(found, path)
    return config.model_dump(exclude={"format"})


def in_half_precision(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Large weights rounded to what float16 holds, still float32, so that a voice ships in half the size.

    Parameters of state-space kernels keep their digits: errors there grow with the length of the sequence.
    """
    return {name: value.half().float() if _is_large(name, value) else value for name, value in weights.items()}


def write_weights(path: Path, parts: Mapping[Part, nn.Module]) -> None:
    """Save modules whose large weights were rounded by `in_half_precision`; `read_weights` reads them back exactly."""
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    for part, module in parts.items():
        for name, value in module.state_dict().items():
            tensors[f"{part}.{name}"] = (value.half() if _is_large(name, value) else value).contiguous()
    path.write_bytes(save(tensors))  # its own writer makes files that nobody else may read


def _is_large(name: str, value: Tensor) -> bool:
    return value.numel() >= LARGE and value.is_floating_point() and "kernel." not in name
