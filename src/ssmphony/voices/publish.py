"""Offering a voice to others: its files and its entry in the index of a folder, or of a repository on the hub."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ssmphony.audio.files import PartialFile, read_audio
from ssmphony.extras import needs_extra
from ssmphony.types import SsmphonyError
from ssmphony.voices.index import (
    INDEX,
    MAX_INDEX_BYTES,
    SAMPLE_SUFFIXES,
    VoiceEntry,
    VoiceIndex,
    check_entry,
    make_entry,
    parse_index,
    voice_file,
    voice_name,
)
from ssmphony.voices.manifest import MANIFEST, VoiceManifest, read_manifest
from ssmphony.voices.sources import HUB, FolderSource, HubSource, hub_errors

_ALSO = ("weights.safetensors", "LICENSE.txt", "README.md")
"""Files of a voice that no manifest names: weights for further training, and what people read."""
_SAMPLE = "sample"


def publish(folder: Path, target: str, *, name: str | None = None, sample: Path | None = None) -> VoiceEntry:
    """Copy a voice to ``target``, a folder or ``hf://OWNER/REPOSITORY``, and enter it into the index there.

    Args:
        folder: Of the voice.
        target: Where to; a folder is made, a repository too.
        name: What the voice is called there; None is the name of its folder.
        sample: A recording of it.

    Raises:
        SsmphonyError: For a voice that is damaged or has no licence, and where the target cannot be written.
    """
    manifest = read_manifest(folder)
    if not manifest.licence:
        raise SsmphonyError(f"{folder / MANIFEST} has no licence: others need one to use the voice")
    name = voice_name(name or folder.resolve().name, "--name")
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / name
        place.mkdir()
        for path in _files(folder, manifest):
            shutil.copyfile(path, place / path.name)
        shown = None if sample is None else _sample(sample, place)
        listed = [voice_file(path) for path in sorted(place.iterdir()) if path.name != shown]
        entry = make_entry(name, manifest, listed, shown)
        check_entry(entry, str(folder))
        if target.startswith(HUB):
            _to_hub(Path(scratch), entry, HubSource(target))
        else:
            _to_folder(place, entry, Path(target))
    return entry


def _files(folder: Path, manifest: VoiceManifest) -> Iterator[Path]:
    """The files of a voice. Raises `SsmphonyError` where a graph is not the one that the manifest describes."""
    yield folder / MANIFEST
    for graph in manifest.graphs.values():
        path = folder / Path(graph.file).name
        if not path.is_file() or voice_file(path).sha256 != graph.sha256:
            raise SsmphonyError(f"{path} is missing or damaged: export or install the voice again")
        yield path
    lexicon = manifest.voice.frontend.get("lexicon")
    for extra in (*_ALSO, *([Path(str(lexicon)).name] if lexicon else [])):
        if (folder / extra).is_file():
            yield folder / extra


def _sample(recording: Path, place: Path) -> str:
    if recording.suffix.lower() not in SAMPLE_SUFFIXES:
        raise SsmphonyError(f"{recording}: a sample must end in {', '.join(SAMPLE_SUFFIXES)}")
    read_audio(recording)  # raises where it is none
    name = f"{_SAMPLE}{recording.suffix.lower()}"
    shutil.copyfile(recording, place / name)
    return name


def _to_folder(place: Path, entry: VoiceEntry, home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        index = _index_of(home)
        staging, target, old = (home / name for name in (f".{entry.name}.part", entry.name, f".{entry.name}.old"))
        for leftover in (staging, old):
            shutil.rmtree(leftover, ignore_errors=True)
        shutil.copytree(place, staging)
        if target.exists():
            os.replace(target, old)
        os.replace(staging, target)
        with PartialFile(home / INDEX) as file:
            file.write(index.with_entry(entry).render())
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise SsmphonyError(f"cannot write {home}: {(error.strerror or str(error)).lower()}") from None


def _index_of(home: Path) -> VoiceIndex:
    if not (home / INDEX).exists():
        return VoiceIndex()
    return parse_index(b"".join(FolderSource(home).read(INDEX, MAX_INDEX_BYTES)), str(home / INDEX))


def _to_hub(scratch: Path, entry: VoiceEntry, source: HubSource) -> None:
    with needs_extra("hub"):
        from huggingface_hub import HfApi
    api = HfApi()
    with hub_errors(source.where):
        api.create_repo(source.repository, exist_ok=True)
        present = bool(api.get_paths_info(source.repository, [INDEX], revision=source.revision))
        index = VoiceIndex()
        if present:
            index = parse_index(b"".join(source.read(INDEX, MAX_INDEX_BYTES)), f"{source.where}/{INDEX}")
        (scratch / INDEX).write_bytes(index.with_entry(entry).render())
        api.upload_folder(
            repo_id=source.repository,
            folder_path=scratch,
            revision=source.revision,
            commit_message=f"Add the voice {entry.name}",
            delete_patterns=f"{entry.name}/*",  # files of an earlier version, in the same commit
        )
