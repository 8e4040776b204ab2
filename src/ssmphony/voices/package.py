"""A voice is a folder: ``voice.json`` beside ONNX graphs. This page reads, checks, finds and loads it.

The ``voice`` block is the one of the training config, copied untouched, so that training and speaking cannot
disagree. The vocabulary travels along: a voice whose token ids mean something else is refused, not garbled.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from ssmphony.audio.griffin_lim import GriffinLim
from ssmphony.audio.mel import MelEncoder
from ssmphony.config import Config, choose, load_json, parse, suggest
from ssmphony.interfaces import Codec, Encoder, Frontend, VoiceModel
from ssmphony.runtime.acoustic import OnnxVoiceModel
from ssmphony.runtime.autoregressive import OnnxAutoregressiveModel
from ssmphony.runtime.codec import OnnxCodec
from ssmphony.runtime.graph import Graph, default_threads
from ssmphony.text import FRONTENDS
from ssmphony.text.hindi import Lexicon
from ssmphony.types import AudioFormat, SsmphonyError, VoiceCard
from ssmphony.voice import Voice

FORMAT_VERSION = 1
MANIFEST = "voice.json"
DEFAULT = "default"


class GraphFile(Config):
    """An ONNX file of the package. ``block`` and ``lookahead`` are in frames; see `runtime`."""

    file: str
    sha256: str
    block: int | None = Field(default=None, ge=1)
    lookahead: int = Field(default=0, ge=0)


class Part(BaseModel):
    """A model or codec as it was trained: the kind chooses the runtime, the rest is the training's."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: str


class CodecPart(Part):
    format: AudioFormat = AudioFormat()


class VoiceBlock(Config):
    frontend: dict[str, Any]
    model: Part
    codec: CodecPart


class VoiceManifest(Config):
    """``voice.json``."""

    format_version: int = FORMAT_VERSION
    name: str
    language: str
    description: str = ""
    licence: str = ""
    attribution: str = ""
    speakers: tuple[str, ...] = ()
    """The row of the speaker embedding is the place in this list; the first is the voice's own."""
    symbols: tuple[str, ...]
    """The frontend's vocabulary when the voice was trained."""
    voice: VoiceBlock
    graphs: dict[str, GraphFile]

    @property
    def card(self) -> VoiceCard:
        return VoiceCard(
            self.name, self.language, self.description, self.licence, self.attribution, speakers=self.speakers
        )


def graph_file(path: Path, *, block: int | None = None, lookahead: int = 0) -> GraphFile:
    """The manifest entry of a graph on disk."""
    return GraphFile(file=path.name, sha256=_sha256(path.read_bytes()), block=block, lookahead=lookahead)


def write_manifest(folder: Path, manifest: VoiceManifest) -> None:
    """Write ``voice.json`` whole or not at all."""
    partial = folder / f".{MANIFEST}.part"
    partial.write_text(manifest.model_dump_json(indent=2, exclude_defaults=False) + "\n", encoding="utf-8")
    os.replace(partial, folder / MANIFEST)


def read_manifest(folder: Path) -> VoiceManifest:
    """Raises `SsmphonyError` when ``voice.json`` is missing, damaged or from a later version."""
    path = folder / MANIFEST
    if not path.is_file():
        raise SsmphonyError(f"{folder} is not a voice: it has no {MANIFEST}")
    data = load_json(path)
    version = data.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise SsmphonyError(f"{path}: voice format {version} is newer than this ssmphony reads; update ssmphony")
    return parse(VoiceManifest, data, str(path))


def voice_folders() -> list[Path]:
    """Where voices are looked for: the ones that came with the package, then the user's."""
    if override := os.environ.get("SSMPHONY_VOICES"):
        user = Path(override)
    elif sys.platform == "win32":
        user = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "ssmphony" / "voices"
    elif sys.platform == "darwin":
        user = Path.home() / "Library" / "Application Support" / "ssmphony" / "voices"
    else:
        user = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "ssmphony" / "voices"
    return [Path(__file__).parent, user]


def installed() -> dict[str, Path]:
    """Name → folder of every installed voice."""
    found: dict[str, Path] = {}
    for home in voice_folders():
        for manifest in sorted(home.glob(f"*/{MANIFEST}")):
            found.setdefault(manifest.parent.name, manifest.parent)
    return found


def list_voices() -> tuple[VoiceCard, ...]:
    """The cards of the installed voices, each under the name that `load` takes."""
    return tuple(read_manifest(folder).card.with_name(name) for name, folder in installed().items())


def locate(voice: str | Path | None) -> Path:
    """The folder of a voice: None is the default, a string the name of an installed voice or a path."""
    if isinstance(voice, Path):
        return voice
    name = DEFAULT if voice is None else voice
    voices = installed()
    if name in voices:
        return voices[name]
    if name and ("/" in name or os.sep in name) and Path(name).exists():
        return Path(name)
    if voice is None:
        raise SsmphonyError("this installation has no default voice; give the folder of one with --voice")
    known = f"installed: {', '.join(sorted(voices))}" if voices else "none is installed"
    raise SsmphonyError(f"unknown voice '{name}'{suggest(name, voices)}; {known}; or give the path of a voice's folder")


def load(
    voice: str | Path | None = None, *, threads: int | None = None, lexicon: str | Path | Lexicon | None = None
) -> Voice:
    """Load a voice: None is the default one, a string the name of an installed voice or a path, a path a folder.

    ``threads`` to speak with; None is ``$SSMPHONY_THREADS`` or two. With two or more, model and codec run side by
    side, on half of them each. ``lexicon``: words and how to say them, a TSV file or what was read from one; its
    entries win over the voice's own. Raises `SsmphonyError` when the voice is unknown, damaged, or made for another
    version, and when the lexicon cannot be read.
    """
    folder = locate(voice)
    manifest = read_manifest(folder)
    where = str(folder / MANIFEST)
    frontend = _frontend(folder, manifest, lexicon)
    if frontend.symbols != manifest.symbols:
        raise SsmphonyError(f"{where}: this voice was trained on another set of phonemes; export or download it again")
    threads = threads or default_threads()
    each = max(1, threads // 2)
    model = choose(MODELS, manifest.voice.model.kind, "model")(folder, manifest, each)
    codec = choose(CODECS, manifest.voice.codec.kind, "codec")(folder, manifest, each)
    encoder = _encoder(manifest)
    identity = _sha256(manifest.model_dump_json().encode())  # the checksums of the graphs are in it
    return Voice(frontend, model, codec, manifest.card, overlap=threads > 1, encoder=encoder, identity=identity)


def _frontend(folder: Path, manifest: VoiceManifest, lexicon: str | Path | Lexicon | None) -> Frontend:
    where, block = str(folder / MANIFEST), dict(manifest.voice.frontend)
    if own := block.get("lexicon"):
        block["lexicon"] = folder / _plain_name(str(own), where)
    kind = choose(FRONTENDS, str(block.get("kind", "")), "frontend")
    config = parse(kind, block, where)
    longest = (manifest.voice.model.model_extra or {}).get("max_seq")
    if isinstance(longest, int) and longest < config.max_tokens:  # the graphs take no more
        config = parse(kind, {**block, "max_tokens": longest}, where)
    frontend: Frontend = config.build()
    if lexicon is None:
        return frontend
    return frontend.with_lexicon(lexicon if isinstance(lexicon, Lexicon) else Lexicon.load(lexicon))


def _plain_name(name: str, where: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise SsmphonyError(f"{where}: '{name}' is not the name of a file in the voice's folder")
    return name


def _acoustic(folder: Path, manifest: VoiceManifest, threads: int) -> VoiceModel:
    encoder, _ = _graph(folder, manifest, "encoder", threads)
    decoder, entry = _graph(folder, manifest, "decoder", threads)
    if entry.block is None or entry.lookahead > entry.block:
        raise SsmphonyError(f"{folder / MANIFEST}: the decoder's block must be given and hold its lookahead")
    return OnnxVoiceModel(encoder, decoder, block=entry.block, lookahead=entry.lookahead, speakers=manifest.speakers)


def _vocoder(folder: Path, manifest: VoiceManifest, threads: int) -> Codec:
    vocoder, entry = _graph(folder, manifest, "vocoder", threads)
    return OnnxCodec(vocoder, manifest.voice.codec.format, entry.lookahead)


def _griffin_lim(folder: Path, manifest: VoiceManifest, threads: int) -> Codec:
    return GriffinLim(manifest.voice.codec.format)


def _autoregressive(folder: Path, manifest: VoiceManifest, threads: int) -> VoiceModel:
    encoder, _ = _graph(folder, manifest, "encoder", threads)
    predictor, entry = _graph(folder, manifest, "predictor", threads)
    if entry.block is None:
        raise SsmphonyError(f"{folder / MANIFEST}: the predictor's block must be given; export the voice again")
    return OnnxAutoregressiveModel(encoder, predictor, block=entry.block, speakers=manifest.speakers)


def _latent_vocoder(folder: Path, manifest: VoiceManifest, threads: int) -> Codec:
    vocoder, entry = _graph(folder, manifest, "vocoder", threads)
    return OnnxCodec(vocoder, manifest.voice.codec.format, entry.lookahead, stride=4)


def _encoder(manifest: VoiceManifest) -> Encoder | None:
    """Log-mel needs no weights; what else a codec decodes takes a network that the package does not hold."""
    codec = manifest.voice.codec
    return MelEncoder(codec.format) if codec.kind in MEL_CODECS else None


MODELS = {"jepa_tts": _autoregressive, "s4_acoustic": _acoustic}
CODECS = {"griffin_lim": _griffin_lim, "jepa_latent": _latent_vocoder, "mel_vocoder": _vocoder}
MEL_CODECS = ("griffin_lim", "mel_vocoder")
"""Those whose frames are log-mel."""


def _graph(folder: Path, manifest: VoiceManifest, name: str, threads: int) -> tuple[Graph, GraphFile]:
    """Read a graph once, check it, and build the session from what was checked."""
    entry = manifest.graphs.get(name)
    if entry is None:
        raise SsmphonyError(f"{folder / MANIFEST}: no '{name}' graph is listed; export the voice again")
    path = folder / _plain_name(entry.file, str(folder / MANIFEST))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SsmphonyError(f"{path}: cannot read it ({error.strerror}); install the voice again") from None
    if _sha256(data) != entry.sha256:
        raise SsmphonyError(f"{path}: the file is damaged (its checksum is wrong); install the voice again")
    return Graph(data, str(path), threads), entry


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
