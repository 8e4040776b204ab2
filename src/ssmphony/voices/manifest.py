"""``voice.json``: what a voice package holds, and how its graphs are to be run.

``voice`` is the block of the training config, copied untouched, so that training and speaking cannot disagree; the
vocabulary travels along. `ModelEntry` and `CodecEntry` say all that the runtime needs: it knows three families of
models and two kinds of codecs, not the systems.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from ssmphony.config import Config, VoiceBlock, load_json, parse
from ssmphony.sampling import Sampler
from ssmphony.types import FrameGrid, MelFormat, ReferenceInput, SsmphonyError, VoiceCard
from ssmphony.voices.upgrade import FORMAT_VERSION, upgrade

MANIFEST = "voice.json"
CODEC_MANIFEST = "codec.json"
SAMPLES = "samples"
"""``kind`` in the ``voice.json`` of a model that generates samples without text, and of its task."""


class GraphFile(Config):
    """An ONNX file of the package."""

    file: str
    sha256: str
    names: dict[str, str] = Field(default={})
    """The graph's own name of an input or output → the runtime's, where an earlier version called it otherwise."""


class ModelEntry(Config):
    """How to run the model."""

    family: str
    """``parallel``, ``sentence`` or ``autoregressive``, see `ssmphony.runtime`."""
    block: int = Field(ge=1)
    """Frames a step."""
    lookahead: int = Field(default=0, ge=0)
    """Frames by which the decoder of a parallel model is late."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens of the longest sentence that the graphs take."""
    capabilities: tuple[str, ...] = ()
    """See `ssmphony.interfaces.VoiceModel`."""
    reference_inputs: tuple[ReferenceInput, ...] = ()
    """The arrays of a reference that the graphs take, of a model with the capability ``reference``."""
    reference_mel: MelFormat | None = None
    """The log-mel that the graph ``style_encoder`` reads, where there is one."""
    max_frames: int | None = Field(default=None, ge=2)
    """Frames that a model of the family ``sentence`` makes at once."""
    sampler: Sampler | None = None
    """How an autoregressive model draws its codes."""
    delay: int = Field(default=0, ge=0)
    """Steps by which an autoregressive model draws the last codebook of a frame after the first."""


class StftEntry(Config):
    """The inverse STFT at the end of a ``spectrum`` codec."""

    n_fft: int = Field(ge=1)
    hop_length: int = Field(ge=1)
    form: Literal["polar", "cartesian"] = "polar"
    """Log magnitude and phase, or real and imaginary part. Packages without it are polar."""


class CodecEntry(Config):
    """How to run the codec. The grid is that of the frames that the model makes."""

    runtime: str
    """``spectrum``, ``samples`` or ``griffin_lim``."""
    sample_rate: int = Field(ge=1)
    hop_length: int = Field(ge=1)
    channels: int = Field(ge=1)
    codebooks: tuple[int, ...] = ()
    lookahead: int = Field(default=0, ge=0)
    """Frames."""
    max_frames: int | None = Field(default=None, ge=1)
    """Frames that the graph takes in one call, where it takes no more."""
    stft: StftEntry | None = None
    """Of a ``spectrum`` codec."""
    mel: MelFormat | None = None
    """The log-mel that the encoder reads, or that the frames are where there is no encoder graph."""

    @property
    def grid(self) -> FrameGrid:
        return FrameGrid(self.sample_rate, self.hop_length, self.channels, self.codebooks)


class VoiceManifest(Config):
    """``voice.json``."""

    FILE: ClassVar[str] = MANIFEST
    format_version: int = FORMAT_VERSION
    name: str
    language: str
    description: str = ""
    licence: str = ""
    attribution: str = ""
    speakers: tuple[str, ...] = ()
    """The row of the speaker embedding is the place in this list; the first is the voice's own."""
    speaker_names: dict[str, str] = Field(default_factory=dict[str, str])
    """What people are shown in place of a speaker's name."""
    symbols: tuple[str, ...]
    """The frontend's vocabulary when the voice was trained."""
    voice: VoiceBlock
    model: ModelEntry
    codec: CodecEntry
    graphs: dict[str, GraphFile]

    @property
    def card(self) -> VoiceCard:
        return VoiceCard(
            self.name,
            self.language,
            self.description,
            self.licence,
            self.attribution,
            speakers=self.speakers,
            speaker_names=self.speaker_names,
        )


class CodecManifest(Config):
    """``codec.json``: a codec by itself, with no model whose frames it would decode."""

    FILE: ClassVar[str] = CODEC_MANIFEST
    format_version: int = FORMAT_VERSION
    name: str
    description: str = ""
    licence: str = ""
    attribution: str = ""
    settings: dict[str, Any]
    """The codec block of its training config."""
    codec: CodecEntry
    graphs: dict[str, GraphFile]


def graph_file(path: Path) -> GraphFile:
    """The manifest entry of a graph on disk."""
    return GraphFile(file=path.name, sha256=checksum(path.read_bytes()))


def write_manifest(folder: Path, manifest: VoiceManifest | CodecManifest) -> None:
    """Write ``voice.json`` or ``codec.json`` whole or not at all."""
    partial = folder / f".{manifest.FILE}.part"
    partial.write_text(manifest.model_dump_json(indent=2, exclude_defaults=False) + "\n", encoding="utf-8")
    os.replace(partial, folder / manifest.FILE)


def read_manifest(folder: Path) -> VoiceManifest:
    """Raises `SsmphonyError` when ``voice.json`` is missing, damaged or from a later version."""
    path = folder / MANIFEST
    if not path.is_file():
        if (folder / CODEC_MANIFEST).is_file():
            raise SsmphonyError(f"{folder} is a codec without a model: use ssmphony encode and decode")
        raise SsmphonyError(f"{folder} is not a voice: it has no {MANIFEST}")
    found = load_json(path)
    if found.get("kind") == SAMPLES:
        raise SsmphonyError(f"{folder} reads no text: use ssmphony generate")
    return parse(VoiceManifest, upgrade(found, str(path)), str(path))


def read_codec_manifest(folder: Path) -> VoiceManifest | CodecManifest:
    """Of a codec by itself or of a voice, which has one, too. Raises `SsmphonyError` as `read_manifest` does."""
    path = folder / CODEC_MANIFEST
    if not path.is_file():
        return read_manifest(folder)
    return parse(CodecManifest, upgrade(load_json(path), str(path)), str(path))


def checksum(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
