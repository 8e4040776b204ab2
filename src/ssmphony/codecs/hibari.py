"""Public decoder weights for the ``spectrum`` codec: `hibari.onnx` of the Python package hibari-tts 0.2.1.

Its decoder (Apache-2.0, by Maureese Williams; attribution in NOTICE) was trained for 180,000 steps against
discriminators, so that a codec which begins with it needs minutes where a cold one needs days. The file is a graph with
int8 products of one scale a matrix; its convolutions, norms and biases are float32. Names:

    m.dec_in        → embed              m.dec.i.{dw, norm, pw1, pw2, gamma} → blocks.i.{dwconv, norm, pwconv1, …}
    m.dec_norm      → final_norm         m.head                              → head

It knows one speaker: the projections of speakers begin at zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ssmphony.codecs.spectrum import SpectrumConfig
from ssmphony.types import SsmphonyError

PUBLIC = "hibari/assets/hibari.onnx of the Python package hibari-tts 0.2.1"
_LAYERS = (("dwconv", "dw"), ("norm", "norm"), ("pwconv1", "pw1"), ("pwconv2", "pw2"))


def read_hibari(path: Path) -> dict[str, Tensor]:
    """Weights of a `SpectrumGenerator` of the default config.

    Raises `SsmphonyError` if the file is not hibari's. Needs the package ``onnx``.
    """
    stored = _initializers(path)
    try:
        weights = _decoder(stored)
    except KeyError as error:
        raise SsmphonyError(f"{path}: not hibari's graph (it has no {error}); take {PUBLIC}") from None
    with torch.device("meta"):
        expected = SpectrumConfig().build().state_dict()
    for name, value in expected.items():
        if name.startswith("speakers."):
            weights[name] = torch.zeros(value.shape)
        elif weights[name].shape != value.shape:
            raise SsmphonyError(f"{path}: '{name}' has another shape than in version 0.2.1; take {PUBLIC}")
    return weights


def _initializers(path: Path) -> dict[str, Any]:
    import onnx
    from google.protobuf.message import DecodeError
    from onnx import numpy_helper

    try:
        graph = onnx.load(path).graph
    except FileNotFoundError:
        raise SsmphonyError(f"no such file: {path}") from None
    except DecodeError:
        raise SsmphonyError(f"{path}: not an ONNX file; take {PUBLIC}") from None
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def _decoder(stored: Mapping[str, Any]) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}

    def plain(name: str) -> Tensor:
        return torch.tensor(stored[name])

    def product(name: str) -> Tensor:
        """A quantised matrix, as `torch.nn.Linear` holds it."""
        matrix = plain(f"{name}_quantized").float() - plain(f"{name}_zero_point").float()
        return (matrix * plain(f"{name}_scale")).T.contiguous()

    for ours, theirs in (("embed", "dec_in"), ("final_norm", "dec_norm")):
        for kind in ("weight", "bias"):
            weights[f"{ours}.{kind}"] = plain(f"m.{theirs}.{kind}")
    weights["head.bias"], weights["head.weight"] = plain("m.head.bias"), product("/head/Transpose_output_0")
    for block in range(len(SpectrumConfig().blocks)):
        weights[f"blocks.{block}.gamma"] = plain(f"m.dec.{block}.gamma")
        for ours, theirs in _LAYERS:
            name = f"blocks.{block}.{ours}"
            weights[f"{name}.bias"] = plain(f"m.dec.{block}.{theirs}.bias")
            is_product = theirs.startswith("pw")
            source = f"/dec.{block}/{theirs}/Transpose_output_0" if is_product else f"m.dec.{block}.{theirs}.weight"
            weights[f"{name}.weight"] = product(source) if is_product else plain(source)
    return weights
