"""Files of tensors by name: safetensors, or PyTorch's own format read without unpickling objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from ssmphony.types import SsmphonyError


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name, on the CPU; of a Lightning checkpoint its ``state_dict``.

    Raises `SsmphonyError` when there is no such file, when it cannot be read, and when it holds no tensors.
    """
    if not path.is_file():
        raise SsmphonyError(f"no such checkpoint: {path}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # safetensors, zip and pickle readers raise their own
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SsmphonyError(f"{path}: not a readable checkpoint ({reason:.100})") from None
    if isinstance(found, Mapping) and "state_dict" in found:
        found = cast("Mapping[str, Any]", found)["state_dict"]
    if not isinstance(found, Mapping):
        raise SsmphonyError(f"{path}: not a readable checkpoint (it holds no tensors by name)")
    named = cast("Mapping[Any, Any]", found)
    tensors = {str(name): value for name, value in named.items() if isinstance(value, Tensor)}
    if not tensors:
        raise SsmphonyError(f"{path}: not a readable checkpoint (it holds no tensors by name)")
    return tensors
