"""The teacher's clips, rendered and prepared by the product's own reader: sound, times of phones, pitch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmphony.data.corpora.kokoro import Kokoro
from ssmphony.data.manifest import MANIFEST, REJECTED, Clip, read_manifest
from ssmphony.data.prepare import prepare
from ssmphony.evaluation.contrasts import Trial, trials
from ssmphony.types import SsmphonyError

FOLDER = Path(__file__).parent
UNSEEN, PICTURES = FOLDER / "unseen.tsv", FOLDER / "pictures.tsv"
PAIR_SPEAKERS = 2
"""Speakers who say each minimal pair; all take their turn."""


@dataclass(frozen=True)
class TeacherFiles:
    """The graph, its ``vocab.json`` and the folder of its voices."""

    model: Path
    vocabulary: Path
    voices: Path


Line = tuple[int, str, str]
"""Number, speaker and text of a sentence."""


def read_plan(path: Path) -> list[Line]:
    """The lines of ``number<TAB>speaker<TAB>text``."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [(int(number), speaker, text) for number, speaker, text in rows]


def contrast_plan(speakers: Sequence[str]) -> tuple[list[Line], list[Trial]]:
    """Which speakers say the words of the minimal pairs; the number of a line is the index of its trial."""
    found = trials()
    lines: list[Line] = []
    for number, trial in enumerate(found):
        for turn in range(min(PAIR_SPEAKERS, len(speakers))):
            lines.append((number, speakers[(number // 2 + turn) % len(speakers)], trial.text))
    return lines, found


def clip_name(number: int, speaker: str) -> str:
    """The id that the reader gives to a line."""
    return f"{number:06d}_{speaker}"


def teacher_clips(out: Path, lines: Sequence[Line], files: TeacherFiles | None, workers: int) -> list[Clip]:
    """The teacher's clips of the lines in the folder ``out``, in their order; what is missing is rendered.

    A long line is several clips; one that the teacher does not say well is left out. Without ``files``, what an
    earlier run rendered is taken.
    Raises `SsmphonyError` where there is nothing.
    """
    known = _known(out)
    if files is not None and not known.keys() >= {clip_name(number, speaker) for number, speaker, _ in lines}:
        texts = out.with_suffix(".tsv")
        out.parent.mkdir(parents=True, exist_ok=True)
        before = read_plan(texts) if texts.is_file() else []
        whole = sorted({*before, *lines})  # what is not listed would be removed
        texts.write_text("".join(f"{n:06d}\t{speaker}\t{text}\n" for n, speaker, text in whole), encoding="utf-8")
        reader = Kokoro(texts=(texts,), model=files.model, vocabulary=files.vocabulary, voices=files.voices)
        prepare(reader, out, workers=workers)
        known = _known(out)
    if not known:
        raise SsmphonyError(f"{out} has no clips of the teacher: give --model, --vocabulary and --voices")
    return [clip for number, speaker, _ in lines for clip in known.get(clip_name(number, speaker), ())]


def _known(out: Path) -> dict[str, list[Clip]]:
    """The clips of each line that was rendered: several of a long one, none of one that was left out."""
    found: dict[str, list[Clip]] = {}
    if (out / MANIFEST).is_file():
        for line in (out / REJECTED).read_text(encoding="utf-8").splitlines():
            found.setdefault(json.loads(line)["id"].partition("-")[0], [])
        for clip in read_manifest(out):
            found.setdefault(clip.id.partition("-")[0], []).append(clip)
    return found
