"""Recordings in which something else is said than their text says: what is said instead.

A TSV file without a header, ``#`` begins a comment: id of the recording, what its text says, what is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ssmphony.data.corpora.reader import Item, WordTime
from ssmphony.data.text_files import read_text
from ssmphony.errors import suggest
from ssmphony.types import SsmphonyError


class Correction(NamedTuple):
    """One or several words, and what is said instead."""

    written: str
    spoken: str


def read_corrections(path: Path) -> dict[str, list[Correction]]:
    """Corrections by the id of the recording; raises `SsmphonyError` for a line that is not one."""
    found: dict[str, list[Correction]] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) != 3 or not all(columns):
            raise SsmphonyError(f"{path}, line {number}: not three columns of id, written and spoken words, by tabs")
        found.setdefault(columns[0], []).append(Correction(columns[1], columns[2]))
    return found


def correct_text(text: str, correction: Correction) -> str:
    """``text`` with what is said; raises `SsmphonyError` unless the written words are in it just once."""
    if text.count(correction.written) != 1:
        raise SsmphonyError(f"'{correction.written}' must be just once in the text to correct it: {text}")
    return text.replace(correction.written, correction.spoken)


def correct(item: Item, corrections: Mapping[str, Sequence[Correction]]) -> Item:
    """The recording with the text that is spoken in it; the words that were changed share one time."""
    if item.problem:
        return item
    for correction in corrections.get(item.id, ()):
        times = None if item.word_times is None else _retime(item.word_times, correction)
        item = replace(item, text=correct_text(item.text or "", correction), word_times=times)
    return item


def correct_all(items: Sequence[Item], path: Path | None) -> list[Item]:
    """All recordings, corrected as the file says; raises `SsmphonyError` for a correction that fits none of them."""
    corrections = read_corrections(path) if path else {}
    known = [item.id for item in items]
    if missing := corrections.keys() - set(known):
        raise SsmphonyError(f"{path}: the corpus has no recording '{min(missing)}'{suggest(min(missing), known)}")
    try:
        return [correct(item, corrections) for item in items]
    except SsmphonyError as error:
        raise SsmphonyError(f"{path}: {error}") from None


def _retime(times: Sequence[WordTime], correction: Correction) -> tuple[WordTime, ...]:
    """The written words, with the punctuation that an aligner may have left on them, as one: the shortest stretch of
    timed words that has them, for an aligner's word may be several."""
    for count in range(1, len(correction.written.split()) + 1):
        for first in range(len(times) - count + 1):
            group = times[first : first + count]
            words = " ".join(word for word, _, _ in group)
            if correction.written in words:
                spoken = words.replace(correction.written, correction.spoken)
                return (*times[:first], (spoken, group[0][1], group[-1][2]), *times[first + count :])
    return tuple(times)
