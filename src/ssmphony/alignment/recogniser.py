"""A small recogniser: log-mel frames → phones and characters, by connectionist temporal classification.

    mel ─mean of the clip taken off, clamp─▶ convolution, stride 2 ─▶ bidirectional S4D × n ─▶ phones, characters

It judges voices and aligns words; it is trained on recordings and teacher audio only, never on a voice that it judges.
CTC: Graves et al., *Connectionist temporal classification* (ICML 2006). Class 0 is the blank.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import Config, parse
from ssmphony.nn import EncoderConfig
from ssmphony.ssm import S4DConfig
from ssmphony.text.hindi import normalize
from ssmphony.text.vocabulary import CONSONANTS, VOWELS
from ssmphony.types import SsmphonyError

STRIDE = 2
"""Frames of mel a step of the recogniser."""
LEAST = -9.0
"""Log-mel below which nothing is told apart: recordings have noise there, synthesis has silence."""

PHONES: tuple[str, ...] = (*VOWELS, *CONSONANTS)
CHARACTERS: tuple[str, ...] = (" ", *map(chr, (*range(0x0901, 0x094E), *range(0x0958, 0x0960))))
"""A space and the letters and signs of Devanagari."""
_PHONES = {symbol: number for number, symbol in enumerate(PHONES, start=1)}
_CHARACTERS = {letter: number for number, letter in enumerate(CHARACTERS, start=1)}


class RecogniserConfig(Config):
    """``d_state`` counts both halves of the conjugate pairs; ``d_ffn`` 0 leaves the feed-forward out."""

    n_mels: int = 100
    d_model: int = 160
    d_state: int = 16
    d_ffn: int = 0
    n_layers: int = 10
    dropout: float = 0.15

    def build(self) -> Recogniser:
        return Recogniser(self)


class Scores(NamedTuple):
    """Log-probabilities (batch, step, 1 + class) of phones and of characters; mask (batch, step)."""

    phones: Tensor
    characters: Tensor
    mask: Tensor


class Recogniser(nn.Module):
    """See the module's docstring."""

    def __init__(self, config: RecogniserConfig) -> None:
        super().__init__()
        self.config = config
        d_model = config.d_model
        self.front = nn.Conv1d(config.n_mels, d_model, 5, stride=STRIDE, padding=2)
        self.blocks = EncoderConfig(
            d_model=d_model,
            n_layers=config.n_layers,
            mixers=(S4DConfig(d_model=d_model, d_state=config.d_state, dropout=config.dropout),),
            d_ffn=config.d_ffn,
            dropout=config.dropout,
        ).build()
        self.norm = nn.LayerNorm(d_model)
        self.phones = nn.Linear(d_model, 1 + len(PHONES))
        self.characters = nn.Linear(d_model, 1 + len(CHARACTERS))

    def forward(self, mel: Tensor, mask: Tensor) -> Scores:
        """mel (batch, frame, n_mels) natural log, mask (batch, frame) of frames that are; steps of `STRIDE` frames."""
        x = normalise(mel, mask)
        x = F.gelu(self.front(x.transpose(1, 2))).transpose(1, 2)
        mask = mask[:, ::STRIDE]
        x = self.norm(self.blocks(x, mask))
        phones, characters = (head(x).log_softmax(dim=-1) for head in (self.phones, self.characters))
        return Scores(phones, characters, mask)


def normalise(mel: Tensor, mask: Tensor) -> Tensor:
    """Take the mean spectrum of each clip off, which belongs to the room and the microphone; 0 outside the mask."""
    present = mask[..., None]
    mel = mel.clamp(min=LEAST)
    mean = (mel * present).sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)
    return (mel - mean) * present * 0.5


def phone_classes(symbols: Iterable[str]) -> list[int]:
    """Classes of what is spoken: punctuation and the beginning of a sentence make no sound."""
    return [_PHONES[symbol] for symbol in symbols if symbol in _PHONES]


def character_classes(text: str) -> list[int]:
    """Classes of the letters of ``text`` as it is read out; other signs part words."""
    letters = "".join(letter if letter in _CHARACTERS else " " for letter in normalize(text))
    return [_CHARACTERS[letter] for letter in " ".join(letters.split())]


def read_recogniser(path: Path) -> Recogniser:
    """A trained recogniser: a ``.safetensors`` file that `write_recogniser` wrote. Raises `SsmphonyError`."""
    try:
        with safe_open(path, "pt") as file:
            settings = json.loads((file.metadata() or {})["recogniser"])
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        model = parse(RecogniserConfig, settings, str(path)).build()
        model.load_state_dict(weights)
    except FileNotFoundError:
        raise SsmphonyError(f"{path}: no such recogniser") from None
    except (KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise SsmphonyError(f"{path}: not a recogniser of this version ({str(error).splitlines()[0]:.80})") from None
    return model


def write_recogniser(path: Path, model: Recogniser) -> None:
    """Save a recogniser with its settings, large weights in float16."""
    weights = {
        name: (value.half() if value.numel() >= 4096 and "kernel" not in name else value).contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(weights, path, {"recogniser": model.config.model_dump_json()})
