"""Trainable weights on disk, by part of the voice: its ``model`` and its ``codec``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from torch import Tensor, nn

from ssmphony.codecs.tensors import read_tensors
from ssmphony.codecs.vocos import convert, is_vocos
from ssmphony.nn.low_rank import merged_tensors
from ssmphony.types import SsmphonyError

WEIGHTS = "weights.safetensors"
LARGE = 4096
"""Tensors of at least this many numbers ship in float16."""

Part = Literal["model", "codec"]
_VOICE = "voice."
"""Before the names of parts in a checkpoint, which also holds what else a training needs."""


def read_weights(path: Path, part: Part) -> dict[str, Tensor]:
    """Weights of one part by their names in its module. Low-rank adapters are merged into what they adapt.

    Args:
        path: A voice package or a ``.safetensors`` file (names start with the part's), a training run's folder or a
            checkpoint (which holds averaged weights; only plain tensors are read, nothing is unpickled). Public Vocos
            weights read as a codec.

    Raises:
        SsmphonyError: There is no such file, or nothing of the part in it.
    """
    weights = read_parts(path, (part,)).get(part)
    if not weights:
        raise SsmphonyError(f"{path}: holds no weights of a {part}")
    return weights


def read_parts(path: Path, wanted: Sequence[Part] = ("model", "codec")) -> dict[Part, dict[str, Tensor]]:
    """Those parts of ``wanted`` that there are; see `read_weights`. A checkpoint of an earlier version that does not
    name its part is taken for the first."""
    if path.is_dir():
        candidates = [path / name for name in (WEIGHTS, "last.ckpt", "best.ckpt") if (path / name).is_file()]
        if not candidates:
            raise SsmphonyError(f"{path}: neither a voice with {WEIGHTS} nor a training run with last.ckpt")
        path = candidates[0]
    found = merged_tensors(read_tensors(path))
    if "codec" in wanted and is_vocos(found):
        return {"codec": convert(found, path)[1]}
    if path.suffix != ".safetensors":
        named = current_names(found, wanted[0])
        found = {name.removeprefix(_VOICE): value for name, value in named.items() if name.startswith(_VOICE)}
    parts: dict[Part, dict[str, Tensor]] = {part: _below(found, f"{part}.") for part in wanted}
    return {part: weights for part, weights in parts.items() if weights}


def current_names(tensors: Mapping[str, Tensor], trains: str) -> dict[str, Tensor]:
    """The ``state_dict`` of a task under today's names.

    Checkpoints of earlier versions call what was trained ``model``: one part, which is ``trains``, or a module of both.
    """
    old = "model."
    if any(name.startswith(_VOICE) for name in tensors):
        return dict(tensors)
    inner = _below(tensors, old)
    both = all(any(name.startswith(f"{part}.") for name in inner) for part in ("model", "codec"))
    prefix = _VOICE if both else f"{_VOICE}{trains}."
    return {prefix + name.removeprefix(old) if name.startswith(old) else name: value for name, value in tensors.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value.float() for name, value in tensors.items() if name.startswith(prefix)}


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
