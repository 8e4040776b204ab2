"""A folder, searched recursively, of audio files with a ``.txt`` or ``.lab`` transcript of the same name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from ssmphony.data.corpora.ljspeech import read_transcribed
from ssmphony.data.corpora.reader import AUDIO_SUFFIXES, Item, Reader, Utterance, existing_folder
from ssmphony.types import SsmphonyError


class Folder(Reader):
    """``speaker`` names the speaker of every file; without it each top-level subfolder is a speaker."""

    kind: Literal["folder"] = "folder"
    path: Path
    speaker: str | None = None

    def items(self) -> Iterator[Item]:
        for path in audio_files(self.path):
            inside = path.relative_to(self.path)
            owner = inside.parts[0] if len(inside.parts) > 1 else self.path.resolve().name
            yield Item(clip_id(inside), self.speaker or owner, path, _transcript(path))

    def read(self, item: Item) -> Sequence[Utterance]:
        return [read_transcribed(item)]


def audio_files(folder: Path) -> list[Path]:
    """Every audio file below ``folder``, sorted; raises `SsmphonyError` when there is none."""
    files = sorted(path for path in existing_folder(folder).rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    if not files:
        raise SsmphonyError(f"no audio files in {folder}: expected {', '.join(AUDIO_SUFFIXES)}")
    return files


def clip_id(inside: Path) -> str:
    """A file's place in its corpus as an id that is a file name: ``book/mp3/01.mp3`` → ``book-mp3-01``."""
    return "-".join(inside.with_suffix("").parts)


def _transcript(path: Path) -> str:
    """Text beside an audio file; empty (a reason for rejection) when there is none or it is not UTF-8."""
    for suffix in (".txt", ".lab"):
        try:
            return " ".join(path.with_suffix(suffix).read_text(encoding="utf-8-sig").split())
        except (OSError, UnicodeDecodeError):
            continue
    return ""
