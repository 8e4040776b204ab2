"""Installing a voice from a source: whole or not at all, and only if every file is what the index says."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from ssmphony.audio.files import PartialFile
from ssmphony.types import SsmphonyError
from ssmphony.voices.index import VoiceEntry, VoiceFile, shown_size, voice_file, voice_name
from ssmphony.voices.manifest import MANIFEST, read_manifest
from ssmphony.voices.package import voice_folders
from ssmphony.voices.sources import Source

Progress = Callable[[int], None]
"""Called with the bytes of each piece that is there."""


class _Refused(SsmphonyError):
    """The files are not what the index says: another try would bring the same."""


def install(
    entry: VoiceEntry,
    source: Source,
    *,
    name: str | None = None,
    replace: bool = False,
    progress: Progress = lambda size: None,
) -> Path:
    """Put a voice of a source into the user's folder of voices, and return its folder.

    What was loaded before an interruption is kept for the next try.

    Args:
        entry: Of the source's index.
        source: Where the files are.
        name: What the voice is called here; None is its own name.
        replace: Whether a voice of that name may be replaced.
        progress: See `Progress`.

    Raises:
        SsmphonyError: Where the voice is installed already, does not fit on the disk, cannot be loaded, or is not what
            the index says.
    """
    name = voice_name(name or entry.name, "--as" if name else source.where)
    packaged, home = voice_folders()
    if (packaged / name / MANIFEST).exists():
        raise SsmphonyError(f"'{name}' comes with ssmphony: install this voice under another name, with --as NAME")
    target, staging = home / name, home / f".{name}.part"
    if target.exists() and not replace:
        raise SsmphonyError(f"'{name}' is installed in {target}: --replace replaces it, --as NAME gives another name")
    try:
        staging.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(staging).free
    except OSError as error:
        raise SsmphonyError(f"cannot write {staging}: {(error.strerror or str(error)).lower()}") from None
    if free < entry.size:
        raise SsmphonyError(f"'{name}' takes {shown_size(entry.size)}, and {shown_size(free)} are free in {home}")
    wanted = {file.name for file in entry.files}
    for path in staging.iterdir():  # of another version
        if path.name not in wanted:
            path.unlink()
    try:
        for file in entry.files:
            _load(file, entry.name, source, staging, progress)
        _check(staging, entry, source)
    except _Refused:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _exchange(staging, target)
    return target


def _load(file: VoiceFile, voice: str, source: Source, staging: Path, progress: Progress) -> None:
    path = staging / file.name
    if path.is_file() and not path.is_symlink() and voice_file(path) == file:
        progress(file.size)
        return
    digest, size = hashlib.sha256(), 0
    with PartialFile(path) as partial:
        for block in source.read(f"{voice}/{file.name}", file.size):
            partial.write(block)
            digest.update(block)
            size += len(block)
            progress(len(block))
        if size != file.size or digest.hexdigest() != file.sha256:
            raise _Refused(
                f"{source.where}: {voice}/{file.name} has a wrong checksum: it is damaged, or not what the index "
                "describes; nothing was installed"
            )


def _check(staging: Path, entry: VoiceEntry, source: Source) -> None:
    """Raise `SsmphonyError` unless the folder is a voice whose graphs are files of the entry."""
    try:
        manifest = read_manifest(staging)
    except SsmphonyError as error:
        raise _Refused(f"{source.where}: this version of ssmphony cannot use {entry.name}: {error}") from None
    listed = {file.name: file.sha256 for file in entry.files}
    for graph in manifest.graphs.values():
        if listed.get(graph.file) != graph.sha256:
            raise SsmphonyError(
                f"{source.where}: {entry.name} lacks its graph {graph.file!r:.80}; nothing was installed"
            )


def _exchange(staging: Path, target: Path) -> None:
    """Put a folder in the place of another, or of none."""
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    try:
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(staging, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
    except OSError as error:
        raise SsmphonyError(f"cannot write {target}: {(error.strerror or str(error)).lower()}") from None
    shutil.rmtree(old, ignore_errors=True)
