"""Clips by their speakers: to hold speakers out of a training, and every blend in which they have a share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ssmphony.data.corpora.kokoro_teacher import BLEND
from ssmphony.data.manifest import Clip
from ssmphony.data.text_files import read_text
from ssmphony.types import SsmphonyError


class SpeakerSelected(Protocol):
    """A prepared corpus, and the files of speakers who are left out or alone taken."""

    @property
    def path(self) -> str: ...
    @property
    def exclude_speakers(self) -> str | None: ...
    @property
    def only_speakers(self) -> str | None: ...


def select_speakers(corpus: SpeakerSelected, clips: Sequence[Clip]) -> list[Clip]:
    """The clips that a corpus takes.

    A list is a text file of names, one on each line; lines that begin with ``#`` are comments. A blend such as
    ``a:0.5,b:0.5`` or ``a+b`` is left out if any of its members is in ``exclude_speakers``, and taken if all of them
    are in ``only_speakers``. Raises `SsmphonyError` when nothing is left.
    """
    excluded, only = _names(corpus.exclude_speakers), _names(corpus.only_speakers)
    kept = [
        clip
        for clip in clips
        if not excluded & members(clip.speaker) and (corpus.only_speakers is None or members(clip.speaker) <= only)
    ]
    if clips and not kept:
        lists = " and ".join(filter(None, (corpus.exclude_speakers, corpus.only_speakers)))
        raise SsmphonyError(f"{lists}: leaves no clip of {corpus.path}")
    return kept


def members(speaker: str) -> frozenset[str]:
    """The speakers of a blend; of a single one, itself."""
    return frozenset(part.partition(":")[0].strip() for part in speaker.replace(BLEND, ",").split(","))


def _names(path: str | None) -> frozenset[str]:
    lines = [] if path is None else [line.strip() for line in read_text(Path(path)).split("\n")]
    return frozenset(line for line in lines if line and not line.startswith("#"))
