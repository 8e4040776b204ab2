"""Audio files of a corpus, and the one that an id in a table means."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ssmphony.data.clips import DECODED_BY_PYAV
from ssmphony.types import SsmphonyError

AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".aif", ".aifc", ".oga", ".mp2", ".mpga", ".au"),
    *(".snd", ".caf", ".w64", ".rf64", ".voc", ".sph"),
    *DECODED_BY_PYAV,
)
"""In lower case; where several recordings have the same name, the first of these is taken."""

NO_AUDIO = "no audio file of this id"
_DOUBLES = "._"  # files in which macOS keeps attributes on foreign disks


def existing_folder(path: Path, hint: str = "") -> Path:
    """``path``, or one line that says it is not there, with what to do about it."""
    if not path.is_dir():
        raise SsmphonyError(f"no such folder: {path}{hint}")
    return path


def is_audio(path: Path | PurePosixPath) -> bool:
    """Whether a file's name is that of a recording; the case of its ending does not matter."""
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(_DOUBLES)


def all_files(folder: Path) -> list[Path]:
    """Everything below ``folder`` with the links in it, sorted; folders, too, and none twice.

    Raises `SsmphonyError` for a folder that cannot be read.
    """
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, files in os.walk(existing_folder(folder), followlinks=True, onerror=_refuse):
        seen.add(os.path.realpath(place))
        found.extend(Path(place, name) for name in (*folders, *files))
        folders[:] = [name for name in sorted(folders) if os.path.realpath(os.path.join(place, name)) not in seen]
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise SsmphonyError(f"{error.filename}: cannot be read: {(error.strerror or str(error)).lower()}") from None


def audio_files(folder: Path) -> list[Path]:
    """Whatever is named like a recording below ``folder``, sorted."""
    return [path for path in all_files(folder) if is_audio(path)]


def some_audio_files(folder: Path) -> list[Path]:
    """`audio_files`; raises `SsmphonyError` when there is none."""
    files = audio_files(folder)
    if not files:
        raise SsmphonyError(f"no audio files in {folder}: expected {', '.join(AUDIO_SUFFIXES[:5])} or others")
    return files


def clip_id(inside: Path | PurePosixPath) -> str:
    """A file's place in its corpus as an id that is a file name: ``book/mp3/01.mp3`` → ``book-mp3-01``."""
    stem = inside.with_suffix("") if is_audio(inside) else inside
    return _printable("-".join(stem.parts))


class Found(NamedTuple):
    """The file that an id means, and the clip's id; or why there is none."""

    id: str
    path: Path | None
    problem: str = ""


class AudioIndex:
    """The recordings below a folder, found by the ids of a table.

    An id is a file's name or its place in the folder (``01``, ``01.wav``, ``sub/01``, ``sub\\\\01.WAV``); folders in
    front of it that are not there (``wavs/01.wav``, ``/data/corpus/wavs/01.wav``) do not matter, and a plain name may
    lie in any subfolder. Only files that were listed below the folder are ever found.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = audio_files(folder)
        self._by_place: dict[str, list[Path]] = {}
        self._by_name: dict[str, list[Path]] = {}
        for path in sorted(self.files, key=_preference):
            inside = path.relative_to(folder)
            for known, key in ((self._by_place, inside.as_posix()), (self._by_name, inside.name)):
                for name in _spellings(key):
                    known.setdefault(name, []).append(path)

    def find(self, name: str) -> Found:
        """The file that ``name`` means, where it means one."""
        parts = [part.strip() for part in name.replace("\\", "/").split("/")]
        parts = [part for part in parts if part not in ("", ".")]
        if not parts or ".." in parts:
            return Found(name, None, NO_AUDIO)
        for first in range(len(parts)):
            place = PurePosixPath(*parts[first:])
            if found := _named(self._by_place, str(place)):
                return self._only(name, clip_id(place), found)
        found = _named(self._by_name, parts[0]) if len(parts) == 1 else []
        return self._only(name, clip_id(PurePosixPath(parts[0])), found)

    def _only(self, name: str, clip: str, found: Sequence[Path]) -> Found:
        """The first of one recording's formats; no file where several recordings have the name."""
        if not found:
            return Found(name, None, NO_AUDIO)
        if len({path.with_suffix("") for path in found}) > 1:
            places = " and ".join(str(path.relative_to(self.folder)) for path in found[:2])
            return Found(name, None, _printable(f"several audio files of this id: {places}"))
        return Found(clip, found[0])


def _named(known: Mapping[str, list[Path]], key: str) -> list[Path]:
    """The files of this very name, or of this name but for its ending, or its case."""
    return next((known[name] for name in _spellings(key) if name in known), [])


def _spellings(key: str) -> Iterable[str]:
    """A name, without its ending, and both in lower case. Names that read alike are one: some systems recompose
    letters."""
    place = PurePosixPath(key)
    names = [_normal(name) for name in (key, key[: -len(place.suffix)] if is_audio(place) else key)]
    return dict.fromkeys((*names, *(_normal(name.casefold()) for name in names)))


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _preference(path: Path) -> tuple[int, Path]:
    return AUDIO_SUFFIXES.index(path.suffix.lower()), path


def _printable(name: str) -> str:
    """With bytes that are not UTF-8, which file names may hold, replaced."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
