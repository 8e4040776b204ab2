"""``index.json``: the voices that a folder, a web site or a hub offers, and what each of their files must be.

    index.json
    NAME/voice.json, NAME/*.onnx, …

Nothing of an index is trusted: names are plain, sizes have limits, and every file must have the checksum given here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ssmphony.config import Config, parse, suggest
from ssmphony.types import SsmphonyError
from ssmphony.voices.manifest import MANIFEST, VoiceManifest

INDEX = "index.json"
INDEX_VERSION = 1
MAX_INDEX_BYTES = 4 << 20
MAX_FILE_BYTES = 2 << 30
MAX_VOICE_BYTES = 4 << 30
MAX_FILES = 64
SUFFIXES = (".json", ".onnx", ".safetensors", ".tsv", ".txt", ".md")
"""Of the files of a voice: graphs and weights that hold no code, and text. The only ``.json`` is ``voice.json``."""
SAMPLE_SUFFIXES = (".mp3", ".wav", ".ogg", ".opus", ".flac")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


class VoiceFile(Config):
    """A file of a voice."""

    name: str
    size: int = Field(ge=0, le=MAX_FILE_BYTES)
    """Bytes."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class VoiceEntry(Config):
    """A voice that can be installed: what its card says, and its files."""

    name: str
    language: str
    description: str = ""
    licence: str
    attribution: str = ""
    speakers: tuple[str, ...] = ()
    size: int = Field(ge=0)
    """Bytes of all files."""
    sample: str | None = None
    """A recording of it, next to its files; it is not installed."""
    files: tuple[VoiceFile, ...]

    @property
    def checksum(self) -> str:
        """The SHA-256 of ``voice.json``, which holds those of the graphs."""
        return next(file.sha256 for file in self.files if file.name == MANIFEST)


class VoiceIndex(Config):
    """``index.json``."""

    format_version: int = INDEX_VERSION
    voices: tuple[VoiceEntry, ...] = ()

    def entry(self, name: str, where: str) -> VoiceEntry:
        """Raises `SsmphonyError` with the nearest names for one that is not there."""
        found = {entry.name: entry for entry in self.voices}
        if name in found:
            return found[name]
        known = f"it has {', '.join(sorted(found))}" if found else "it has none"
        raise SsmphonyError(f"{where} has no voice '{name}'{suggest(name, found)}; {known}")

    def with_entry(self, entry: VoiceEntry) -> VoiceIndex:
        """The index with a voice in place of the one of that name."""
        others = [other for other in self.voices if other.name != entry.name]
        return VoiceIndex(voices=tuple(sorted([*others, entry], key=lambda other: other.name)))

    def render(self) -> bytes:
        return (self.model_dump_json(indent=2) + "\n").encode()


def parse_index(data: bytes, where: str) -> VoiceIndex:
    """Raises `SsmphonyError` for what is no index, is from a later version, or names a file that no voice may have."""
    try:
        values: Any = json.loads(data)
    except (ValueError, RecursionError):
        raise SsmphonyError(f"{where} is not an index of voices: it is not valid JSON") from None
    if not isinstance(values, dict) or not isinstance(values.get("format_version"), int):
        raise SsmphonyError(f"{where} is not an index of voices: it has no format_version")
    if values["format_version"] > INDEX_VERSION:
        raise SsmphonyError(
            f"{where}: index format {values['format_version']} is newer than this ssmphony reads; update"
        )
    index = parse(VoiceIndex, values, where)
    for entry in index.voices:
        check_entry(entry, where)
    return index


def check_entry(entry: VoiceEntry, where: str) -> None:
    """Raise `SsmphonyError` for an entry that no voice can have: paths, other kinds of files, too much of it."""
    voice_name(entry.name, where)
    here = f"{where}, {entry.name}"
    names = [file.name for file in entry.files]
    for name in names:
        _file_name(name, SUFFIXES, here)
        if name.endswith(".json") and name != MANIFEST:
            raise SsmphonyError(f"{here}: '{name}' is not a file of a voice: its only .json is {MANIFEST}")
    if entry.sample is not None:
        _file_name(entry.sample, SAMPLE_SUFFIXES, here)
    if MANIFEST not in names or len({name.lower() for name in names}) < len(names) or len(names) > MAX_FILES:
        raise SsmphonyError(f"{here}: a voice has one {MANIFEST}, no file twice, and at most {MAX_FILES} files")
    total = sum(file.size for file in entry.files)
    if total != entry.size or total > MAX_VOICE_BYTES:
        raise SsmphonyError(f"{here}: its files have {total:,} bytes, its size says {entry.size:,}; the limit is 4 GiB")


def voice_name(name: str, where: str) -> str:
    """``name``, or `SsmphonyError` where it is no plain name for the folder of a voice."""
    if not _NAME.fullmatch(name) or _DEVICE.fullmatch(name):
        raise SsmphonyError(f"{where}: {name!r:.80} is not a name for a voice: use letters, digits, - and _")
    return name


def _file_name(name: str, suffixes: Iterable[str], where: str) -> None:
    if not _FILE.fullmatch(name) or _DEVICE.fullmatch(name) or not name.endswith(tuple(suffixes)):
        raise SsmphonyError(
            f"{where}: {name!r:.80} cannot be a file of it: plain names that end in {', '.join(suffixes)} can"
        )


def make_entry(name: str, manifest: VoiceManifest, files: Iterable[VoiceFile], sample: str | None) -> VoiceEntry:
    """The entry of a voice for the index."""
    listed = tuple(files)
    card = manifest.card
    return VoiceEntry(
        name=name,
        language=card.language,
        description=card.description,
        licence=card.licence,
        attribution=card.attribution,
        speakers=card.speakers,
        size=sum(file.size for file in listed),
        sample=sample,
        files=listed,
    )


def shown_size(size: int) -> str:
    """Bytes for people."""
    return f"{size / 1e6:.1f} MB"


def voice_file(path: Path) -> VoiceFile:
    """A file on the disk, with its checksum."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return VoiceFile(name=path.name, size=path.stat().st_size, sha256=digest.hexdigest())
