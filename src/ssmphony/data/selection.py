"""Which clips of prepared corpora a training takes: files that list ids, to hold clips out or to take only them."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from ssmphony.config import Config
from ssmphony.data.corpora.audio_files import clip_id
from ssmphony.data.manifest import REJECTED, Clip, read_manifest
from ssmphony.data.speaker_selection import select_speakers
from ssmphony.data.text_files import read_text
from ssmphony.errors import suggest
from ssmphony.types import SsmphonyError

_SHOWN = 3  # names that an error quotes


class SelectedCorpus(Config):
    """Base of the configs of prepared corpora: the folder, and which of its clips are taken."""

    path: str
    """The folder that `ssmphony prepare` wrote."""
    exclude: str | None = None
    """A file of ids of clips that are left out, see `select`."""
    only: str | None = None
    """A file of ids of clips that alone are taken."""
    exclude_speakers: str | None = None
    """A file of speakers who are left out, see `ssmphony.data.speaker_selection`."""
    only_speakers: str | None = None
    """A file of speakers who alone are taken, they and their blends."""


def select(corpora: Sequence[SelectedCorpus]) -> list[list[Clip]]:
    """The clips of each corpus.

    A list is a text file of ids, one on each line; lines that begin with ``#`` are comments. Raises `SsmphonyError`
    when a name in a list is that of no clip in the corpora that use it, or when a list leaves nothing.
    """
    users: dict[str, list[str]] = {}
    for corpus in corpora:
        for path in filter(None, (corpus.exclude, corpus.only)):
            users.setdefault(path, []).append(corpus.path)
    lines = {path: [line.strip() for line in read_text(Path(path)).split("\n")] for path in users}
    clips = {corpus.path: read_manifest(Path(corpus.path)) for corpus in corpora}
    lists = {path: _ids(path, lines[path], dict.fromkeys(folders), clips) for path, folders in users.items()}
    chosen: list[list[Clip]] = []
    for corpus in corpora:
        excluded = lists[corpus.exclude] if corpus.exclude else frozenset[str]()
        only = lists[corpus.only] if corpus.only else None
        kept = [clip for clip in clips[corpus.path] if clip.id not in excluded and (only is None or clip.id in only)]
        if only is not None and not kept:
            raise SsmphonyError(f"{corpus.only}: names no clip of {corpus.path}")
        chosen.append(select_speakers(corpus, kept))
    return chosen


def _ids(path: str, lines: Iterable[str], folders: Iterable[str], clips: Mapping[str, list[Clip]]) -> frozenset[str]:
    """The clips that a list names."""
    known = {_normal(clip.id): clip.id for folder in folders for clip in clips[folder]}
    known |= {_normal(name): name for folder in folders for name in _rejected(Path(folder))}
    named: set[str] = set()
    strange: list[str] = []
    for name in map(_normal, lines):
        several = name.split()
        if name in known:
            named.add(known[name])
        elif name.startswith("#"):
            continue
        elif all(part in known for part in several):  # several ids on a line, or none
            named.update(known[part] for part in several)
        else:
            strange.append(name)
    if strange:
        quoted = ", ".join(f"'{name[:60]}'{_nearest(name, sorted(known.values()))}" for name in strange[:_SHOWN])
        more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
        raise SsmphonyError(f"{path}: no clip of {' or '.join(folders)} has the id {quoted}{more}")
    return frozenset(named)


def _rejected(folder: Path) -> Iterable[str]:
    """The recordings that preparation left out: they may stand in a list, although there is no clip of them."""
    try:
        lines = (folder / REJECTED).read_text(encoding="utf-8").split("\n")
        return [str(json.loads(line)["id"]) for line in lines if line]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _nearest(name: str, known: Sequence[str]) -> str:
    """What is meant when folders, ending, case, blanks and further columns are put aside; or a similar id."""
    forms = _forms(name)
    parts = [clip for clip in known if clip.startswith(f"{name}-")]
    if meant := next((clip for clip in known if not forms.isdisjoint(_forms(clip))), None):
        return f" (the clip is '{meant}')"
    if parts:
        return f" (its clips begin with '{parts[0]}')"
    return suggest(name, known).replace(", did", " (did").replace("?", "?)")


def _forms(name: str) -> set[str]:
    place = PurePosixPath(name.replace("\\", "/").split("|")[0].split("\t")[0].strip())
    ids = {clip_id(place), clip_id(PurePosixPath(place.name))}
    return {"".join(form.casefold().split()) for form in ids} - {""}


def _normal(name: str) -> str:
    """Ids that read alike are one: some systems recompose the letters of file names."""
    return unicodedata.normalize("NFC", name)
