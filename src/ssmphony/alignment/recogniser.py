"""A small recogniser: log-mel frames → phones and characters, by connectionist temporal classification.

    mel ─mean of the clip taken off, clamp─▶ convolution, stride 2 ─▶ bidirectional S4D × n ─▶ phones, characters

It evaluates voices and aligns words; it is trained on recordings and speech of teachers, never on a voice that it
evaluates.
CTC: Graves et al., *Connectionist temporal classification* (ICML 2006). Class 0 is the blank.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from ssmphony.config import Config, parse
from ssmphony.interfaces import Frontend
from ssmphony.nn import EncoderConfig
from ssmphony.ssm import S4DConfig
from ssmphony.text.registry import DEFAULT, build_frontend
from ssmphony.types import SsmphonyError

STRIDE = 2
"""Frames of mel a step of the recogniser."""
LEAST = -9.0
"""Log-mel below which values are clamped: recordings have noise there, synthesis has silence."""


class Alphabet:
    """What a recogniser of a language tells apart: phones and characters, by class; class 0 is the blank.

    The frontend of the language says which they are.
    """

    def __init__(self, frontend: Frontend) -> None:
        self.frontend = frontend
        self.phones, self.characters = frontend.phones, frontend.letters
        self._phones = {symbol: number for number, symbol in enumerate(self.phones, start=1)}
        self._characters = {letter: number for number, letter in enumerate(self.characters, start=1)}

    def phone_classes(self, symbols: Iterable[str]) -> list[int]:
        """Classes of what is spoken: punctuation and the beginning of a sentence make no sound."""
        return [self._phones[symbol] for symbol in symbols if symbol in self._phones]

    def character_classes(self, text: str) -> list[int]:
        """Classes of the letters of ``text`` as it is read out; other signs separate words."""
        spoken = self.frontend.spoken_text(text)
        letters = "".join(letter if letter in self._characters else " " for letter in spoken)
        return [self._characters[letter] for letter in " ".join(letters.split()) if letter in self._characters]


@lru_cache(maxsize=4)
def alphabet_of(kind: str = DEFAULT) -> Alphabet:
    """The alphabet of a kind of frontend. Raises `SsmphonyError` for one that has no phones."""
    frontend = build_frontend({"kind": kind}, "recogniser")
    if not frontend.phones:
        raise SsmphonyError(f"recogniser.frontend: '{kind}' names no phones to be recognised")
    return Alphabet(frontend)


class RecogniserConfig(Config):
    """Settings of `Recogniser`."""

    frontend: str = DEFAULT
    """The kind of frontend whose phones and letters are recognised."""
    n_mels: int = 100
    d_model: int = 160
    d_state: int = 16
    """Counts both halves of the conjugate pairs."""
    d_ffn: int = 0
    """Width of the feed-forward networks; 0 leaves them out."""
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
        self.alphabet = alphabet_of(config.frontend)
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
        self.phones = nn.Linear(d_model, 1 + len(self.alphabet.phones))
        self.characters = nn.Linear(d_model, 1 + len(self.alphabet.characters))

    def forward(self, mel: Tensor, mask: Tensor) -> Scores:
        """mel (batch, frame, n_mels) natural log, mask (batch, frame) of frames that are; steps of `STRIDE` frames."""
        x = self.states(mel, mask)
        phones, characters = (head(x).log_softmax(dim=-1) for head in (self.phones, self.characters))
        return Scores(phones, characters, mask[:, ::STRIDE])

    def states(self, mel: Tensor, mask: Tensor) -> Tensor:
        """What the scores are read off: (batch, step, d_model)."""
        x = normalise(mel, mask)
        x = F.gelu(self.front(x.transpose(1, 2))).transpose(1, 2)
        return self.norm(self.blocks(x, mask[:, ::STRIDE]))


def normalise(mel: Tensor, mask: Tensor) -> Tensor:
    """Take the mean spectrum of each clip off, which belongs to the room and the microphone; 0 outside the mask."""
    present = mask[..., None]
    mel = mel.clamp(min=LEAST)
    mean = (mel * present).sum(1, keepdim=True) / present.sum(1, keepdim=True).clamp(min=1)
    return (mel - mean) * present * 0.5


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
