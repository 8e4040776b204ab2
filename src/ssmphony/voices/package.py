"""A voice is a folder: ``voice.json`` next to ONNX graphs. This module finds, checks and loads it.

A voice whose token ids mean something else than this version's is refused, not garbled.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ssmphony.audio.griffin_lim import GriffinLim
from ssmphony.audio.mel import MelEncoder
from ssmphony.config import choose, parse
from ssmphony.errors import suggest
from ssmphony.interfaces import Decoder, Encoder, Frontend, VoiceModel
from ssmphony.runtime.autoregressive import AutoregressiveRuntime
from ssmphony.runtime.encoder import GraphEncoder
from ssmphony.runtime.graph import Graph, default_threads
from ssmphony.runtime.parallel import ParallelRuntime
from ssmphony.runtime.samples_codec import SamplesDecoder
from ssmphony.runtime.sentence import SentenceRuntime
from ssmphony.runtime.spectrum_codec import SpectrumDecoder
from ssmphony.text import FRONTENDS
from ssmphony.text.hindi import Lexicon
from ssmphony.types import SsmphonyError, VoiceCard
from ssmphony.voice import Voice
from ssmphony.voices.manifest import (
    MANIFEST,
    CodecManifest,
    VoiceManifest,
    checksum,
    read_codec_manifest,
    read_manifest,
)

DEFAULT = "default"


def voice_folders() -> list[Path]:
    """Where voices are looked for: first those of the package, then the user's."""
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
            if manifest.parent.name.startswith("."):  # not yet whole, see `ssmphony.voices.install`
                continue
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
    """Load a voice: None is the default, a string the name of an installed voice or a path, a `Path` its folder.

    ``threads``: for synthesis; None is ``$SSMPHONY_THREADS`` or two. With two or more, model and codec run in parallel,
    on half of them each. ``lexicon``: words and their pronunciations, a TSV file or what was read from one; its entries
    override the voice's own. Raises `SsmphonyError` when the voice is unknown, damaged, or made for another
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
    model = choose(FAMILIES, manifest.model.family, "family")(folder, manifest, each)
    codec = choose(CODECS, manifest.codec.runtime, "codec runtime")(folder, manifest, each)
    encoder = load_encoder(folder, manifest, each)
    return Voice(
        frontend, model, codec, manifest.card, overlap=threads > 1, encoder=encoder, identity=_identity(manifest)
    )


class PackagedCodec(NamedTuple):
    """encoder: None where the package came without it; identity: changes with the graphs."""

    name: str
    decoder: Decoder
    encoder: Encoder | None
    identity: str


def load_codec(source: str | Path | None = None, *, threads: int = 1) -> PackagedCodec:
    """The codec of a voice, without its model, or of a folder that `ssmphony.export.codec.export_codec` wrote.

    ``source`` is that of `load`. Raises `SsmphonyError` when it is unknown or damaged.
    """
    folder = locate(source)
    manifest = read_codec_manifest(folder)
    decoder = choose(CODECS, manifest.codec.runtime, "codec runtime")(folder, manifest, threads)
    return PackagedCodec(manifest.name, decoder, load_encoder(folder, manifest, threads), _identity(manifest))


def _identity(manifest: VoiceManifest | CodecManifest) -> str:
    """The checksums of the graphs are in it; what speakers are called for people does not change the audio."""
    return checksum(manifest.model_dump_json(exclude={"speaker_names"}).encode())


def _frontend(folder: Path, manifest: VoiceManifest, lexicon: str | Path | Lexicon | None) -> Frontend:
    where, block = str(folder / MANIFEST), dict(manifest.voice.frontend)
    if not block:
        raise SsmphonyError(f"{where}: this is a generator without a frontend, it reads no text")
    if own := block.get("lexicon"):
        block["lexicon"] = folder / _plain_name(str(own), where)
    kind = choose(FRONTENDS, str(block.get("kind", "")), "frontend")
    config = parse(kind, block, where)
    longest = manifest.model.max_tokens
    if longest is not None and longest < config.max_tokens:  # the graphs take no more
        config = parse(kind, {**block, "max_tokens": longest}, where)
    frontend: Frontend = config.build()
    if lexicon is None:
        return frontend
    return frontend.with_lexicon(lexicon if isinstance(lexicon, Lexicon) else Lexicon.load(lexicon))


def _plain_name(name: str, where: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\\" in name or "\0" in name:
        raise SsmphonyError(f"{where}: '{name}' is not the name of a file in the voice's folder")
    return name


def _parallel(folder: Path, manifest: VoiceManifest, threads: int) -> VoiceModel:
    encoder, decoder = (_graph(folder, manifest, name, threads) for name in ("encoder", "decoder"))
    entry = manifest.model
    if entry.lookahead > entry.block:
        raise SsmphonyError(f"{folder / MANIFEST}: the model's block must hold its lookahead")
    return ParallelRuntime(
        encoder,
        decoder,
        block=entry.block,
        lookahead=entry.lookahead,
        speakers=manifest.speakers,
        capabilities=entry.capabilities,
        reference_inputs=entry.reference_inputs,
    )


def _sentence(folder: Path, manifest: VoiceManifest, threads: int) -> VoiceModel:
    encoder, decoder = (_graph(folder, manifest, name, threads) for name in ("encoder", "decoder"))
    entry = manifest.model
    if entry.max_frames is None:
        raise SsmphonyError(f"{folder / MANIFEST}: a model of sentences needs its max_frames; export the voice again")
    return SentenceRuntime(
        encoder,
        decoder,
        block=entry.block,
        max_frames=entry.max_frames,
        speakers=manifest.speakers,
        capabilities=entry.capabilities,
        reference_inputs=entry.reference_inputs,
        reference_mel=entry.reference_mel,
        load_style_encoder=partial(_graph, folder, manifest, "style_encoder", threads),
    )


def _autoregressive(folder: Path, manifest: VoiceManifest, threads: int) -> VoiceModel:
    encoder, predictor = (_graph(folder, manifest, name, threads) for name in ("encoder", "predictor"))
    entry, codebooks = manifest.model, manifest.codec.codebooks
    return AutoregressiveRuntime(
        encoder,
        predictor,
        _graph(folder, manifest, "codes", threads) if len(codebooks) > 1 else None,
        block=entry.block,
        speakers=manifest.speakers,
        capabilities=entry.capabilities,
        reference_inputs=entry.reference_inputs,
        codebooks=codebooks,
        sampler=entry.sampler,
        delay=entry.delay,
        reference_mel=entry.reference_mel,
        load_style_encoder=partial(_graph, folder, manifest, "style_encoder", threads),
    )


def _spectrum(folder: Path, manifest: VoiceManifest | CodecManifest, threads: int) -> Decoder:
    entry = manifest.codec
    if entry.stft is None:
        raise SsmphonyError(f"{folder / manifest.FILE}: a codec of spectra needs its stft; export the voice again")
    graph = _graph(folder, manifest, "codec_decoder", threads)
    return SpectrumDecoder(
        graph, entry.grid, lookahead=entry.lookahead, max_frames=entry.max_frames, **dict(entry.stft)
    )


def _samples(folder: Path, manifest: VoiceManifest | CodecManifest, threads: int) -> Decoder:
    graph = _graph(folder, manifest, "codec_decoder", threads)
    return SamplesDecoder(graph, manifest.codec.grid, manifest.codec.lookahead, manifest.codec.max_frames)


def _griffin_lim(folder: Path, manifest: VoiceManifest | CodecManifest, threads: int) -> Decoder:
    if manifest.codec.mel is None:
        raise SsmphonyError(f"{folder / manifest.FILE}: Griffin-Lim needs its mel format; export the voice again")
    return GriffinLim(manifest.codec.mel)


def load_encoder(folder: Path, manifest: VoiceManifest | CodecManifest, threads: int) -> Encoder | None:
    """A graph, or nothing but log-mel, or None: a package may leave out what speaking does not take."""
    entry = manifest.codec
    if "codec_encoder" in manifest.graphs:
        load = partial(_graph, folder, manifest, "codec_encoder", threads)
        return GraphEncoder(load, entry.grid, entry.mel, entry.max_frames)
    return MelEncoder(entry.mel) if entry.mel is not None and entry.mel.grid == entry.grid else None


FAMILIES = {"autoregressive": _autoregressive, "parallel": _parallel, "sentence": _sentence}
CODECS = {"griffin_lim": _griffin_lim, "samples": _samples, "spectrum": _spectrum}


def _graph(folder: Path, manifest: VoiceManifest | CodecManifest, name: str, threads: int) -> Graph:
    """Read a graph once, check it, and build the session from what was checked."""
    entry = manifest.graphs.get(name)
    if entry is None:
        raise SsmphonyError(f"{folder / manifest.FILE}: no '{name}' graph is listed; export the voice again")
    path = folder / _plain_name(entry.file, str(folder / manifest.FILE))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SsmphonyError(f"{path}: cannot read it ({error.strerror}); install the voice again") from None
    if checksum(data) != entry.sha256:
        raise SsmphonyError(f"{path}: the file is damaged (its checksum is wrong); install the voice again")
    return Graph(data, str(path), threads, entry.names)
