"""Public Vocos weights for the mel vocoder: `charactr/vocos-mel-24khz` and files with the same names.

Siuzdak, *Vocos* (arXiv 2306.00814). The published network pads its convolutions with zeros on both sides; `MelVocoder`
with ``lookahead_per_conv = kernel_size // 2`` is that network, so its weights are taken as they are, under other names:

    backbone.embed                  → embed             head.out                    → head
    backbone.norm                   → norm              head.istft.window           the Hann window
    backbone.convnext.i             → blocks.i          feature_extractor.mel_spec  the mel filters
    backbone.final_layer_norm       → final_norm

The last two are constants of `MelFormat`; they are compared, not loaded.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from ssmphony.audio.mel import hann, mel_filterbank
from ssmphony.codecs.mel_vocoder import MelVocoderConfig
from ssmphony.nn.weights import misfit
from ssmphony.types import MelFormat, SsmphonyError

_RENAMED = (
    (re.compile(r"^backbone\.(embed|norm)\.(weight|bias)$"), r"\1.\2"),
    (re.compile(r"^backbone\.convnext\.(\d+)\."), r"blocks.\1."),
    (re.compile(r"^backbone\.final_layer_norm\."), "final_norm."),
    (re.compile(r"^head\.out\."), "head."),
)
_FORMAT = MelFormat()
PUBLIC = "charactr/vocos-mel-24khz"


def is_vocos(weights: Mapping[str, Tensor]) -> bool:
    """Whether the names are those of the public code: a backbone of ConvNeXt blocks and an inverse-STFT head."""
    return "backbone.embed.weight" in weights and "head.out.weight" in weights


def convert(weights: Mapping[str, Tensor], source: Path) -> tuple[MelVocoderConfig, dict[str, Tensor]]:
    """The config that the shapes ask for, and the weights by the names of `MelVocoder`.

    Raises `SsmphonyError`, naming ``source``, for weights of another network or of another mel spectrogram.
    """
    found: dict[str, Tensor] = {}
    for name, value in weights.items():
        if name == "head.istft.window":
            _compare(value, torch.from_numpy(hann(_FORMAT.n_fft)), source, "its window is not a Hann window of 1024")
        elif name == "feature_extractor.mel_spec.mel_scale.fb":
            _compare(value, torch.from_numpy(mel_filterbank(_FORMAT)), source, "it was made for another mel")
        elif not name.startswith("feature_extractor."):
            found[_renamed(name, source)] = value.float()
    config = _config(found, source)
    with torch.device("meta"):
        expected = config.build().state_dict()
    if (wrong := misfit(expected, found)) is not None:
        raise SsmphonyError(f"{source}: not a Vocos for mel spectrograms (at '{wrong}'); take {PUBLIC}")
    return config, found


def _renamed(name: str, source: Path) -> str:
    for pattern, new in _RENAMED:
        if pattern.match(name):
            return pattern.sub(new, name)
    raise SsmphonyError(f"{source}: not a Vocos for mel spectrograms (at '{name}'); take {PUBLIC}")


def _config(found: Mapping[str, Tensor], source: Path) -> MelVocoderConfig:
    """Widths and depth, read off the shapes; the audio format is not free."""
    try:
        dim, n_mels, kernel_size = found["embed.weight"].shape
        intermediate, outputs = len(found["blocks.0.pwconv1.weight"]), len(found["head.weight"])
    except (KeyError, ValueError, TypeError):
        raise SsmphonyError(f"{source}: not a Vocos for mel spectrograms; take {PUBLIC}") from None
    if (n_mels, outputs) != (_FORMAT.n_mels, _FORMAT.n_fft + 2):
        raise SsmphonyError(
            f"{source}: takes {n_mels} bands and an FFT of {outputs - 2}; a mel voice has {_FORMAT.n_mels} and "
            f"{_FORMAT.n_fft}: take {PUBLIC}"
        )
    return MelVocoderConfig(
        dim=dim,
        intermediate=intermediate,
        n_layers=len({name.split(".")[1] for name in found if name.startswith("blocks.")}),
        kernel_size=kernel_size,
        lookahead_per_conv=kernel_size // 2,
    )


def _compare(value: Tensor, expected: Tensor, source: Path, problem: str) -> None:
    """The published constants were made in float32: 1e-3 is far above their rounding, and below any other mel."""
    same = value.shape == expected.shape and math.isfinite(float(value.sum()))
    if not same or float((value.double() - expected.double()).abs().max()) > 1e-3:
        raise SsmphonyError(f"{source}: {problem}; take {PUBLIC}")
