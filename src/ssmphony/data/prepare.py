"""``ssmphony prepare``: a corpus in its own layout → a prepared corpus (see `ssmphony.data.manifest`).

Each recording is read, checked, resampled to 24 kHz, trimmed, brought to one loudness, transcribed to symbols and
given its fundamental frequency. What cannot be used is listed in ``rejected.jsonl`` with the reason.

A line in ``journal.jsonl`` for each finished recording makes it resumable: killed midway and run again, it goes on
where it was, and the manifest is the same as that of an unbroken run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ssmphony.config import choose, parse
from ssmphony.data.clips import Rejected
from ssmphony.data.corpora.reader import Item, Reader
from ssmphony.data.corpora.registry import READERS
from ssmphony.data.corrections import correct_all
from ssmphony.data.finish import Limits, finish_clip
from ssmphony.data.manifest import MANIFEST, REJECTED, claim, write_rows
from ssmphony.parallel import Engine
from ssmphony.parallel.local import run_local
from ssmphony.types import SsmphonyError

JOURNAL = "journal.jsonl"
SETTINGS = "prepare.json"

Progress = Callable[[int, int], None]
"""Called with (recordings done, recordings in all)."""


class Prepared(NamedTuple):
    """What a run leaves behind."""

    clips: int
    rejected: int
    seconds: float


def reader_from(settings: Mapping[str, Any], where: str = "corpus") -> Reader:
    """The reader that ``{"kind": …, …}`` describes; raises `SsmphonyError` on an unknown kind or key."""
    kind = settings.get("kind")
    if not isinstance(kind, str):
        raise SsmphonyError(f"{where}: missing key 'kind'; known: {', '.join(sorted(READERS))}")
    return parse(choose(READERS, kind, "corpus kind"), settings, where)


def prepare(
    reader: Reader,
    out: Path,
    *,
    limits: Limits = Limits(),
    workers: int | None = 1,
    engine: Engine = run_local,
    progress: Progress | None = None,
) -> Prepared:
    """Prepare the corpus of ``reader`` in the folder ``out``, with ``workers`` processes; None is all cores.

    Raises `SsmphonyError` when the corpus is not there or empty, when ``out`` cannot be written, or when it holds a
    corpus that was prepared with other settings.
    """
    items = correct_all(list(reader.items()), reader.corrections)
    if not items:
        raise SsmphonyError("the corpus is empty: no recordings found")
    if len({item.id for item in items}) != len(items):
        raise SsmphonyError("the corpus names two recordings alike: give every one its own id")
    _claim(out, reader, limits)
    done = _read_journal(out / JOURNAL)
    waiting = [item for item in items if item.id not in done]
    report = progress or (lambda done, total: None)
    report(len(items) - len(waiting), len(items))
    try:
        with (out / JOURNAL).open("a", encoding="utf-8") as journal:
            start = partial(_worker, reader, out.resolve(), limits)
            with closing(engine(start, waiting, workers)) as results:
                for number, (_, result) in enumerate(results, start=1):
                    done[result["item"]] = result
                    journal.write(json.dumps(result, ensure_ascii=False) + "\n")
                    journal.flush()
                    report(len(items) - len(waiting) + number, len(items))
        ordered = [done[item.id] for item in items]
        clips = [clip for result in ordered for clip in result["clips"]]
        rejected = [row for result in ordered for row in result["rejected"]]
        write_rows(out / REJECTED, rejected)
        write_rows(out / MANIFEST, clips)
    except OSError as error:
        raise SsmphonyError(f"{out}: cannot be written: {error.strerror or error}; run again to go on") from None
    finally:
        for partial_file in out.glob("*/.*"):  # of processes that were stopped
            partial_file.unlink(missing_ok=True)
    return Prepared(len(clips), len(rejected), sum(clip["seconds"] for clip in clips))


def _worker(reader: Reader, out: Path, limits: Limits) -> Callable[[Item], dict[str, Any]]:
    """What an engine starts in its processes. Raises `SsmphonyError` on a machine that does not see ``out``."""
    if not (out / SETTINGS).exists():
        raise SsmphonyError(f"{out} is not the same folder on every machine: give one that all of them share")
    return partial(_prepare_item, reader, out, limits)


def _prepare_item(reader: Reader, out: Path, limits: Limits, item: Item) -> dict[str, Any]:
    """One line of the journal: the clips of a recording, and what was rejected."""
    clips: list[dict[str, Any]] = []
    rejected: list[dict[str, str]] = []
    try:
        for utterance in reader.read(item):
            try:
                clips.append(asdict(finish_clip(utterance, out, reader.language, limits)))
            except Rejected as reason:
                rejected.append({"id": utterance.id, "reason": str(reason)})
    except Rejected as reason:
        rejected.append({"id": item.id, "reason": str(reason)})
    return {"item": item.id, "clips": clips, "rejected": rejected}


def _claim(out: Path, reader: Reader, limits: Limits) -> None:
    """Make the folder, or make sure that it was prepared with the same settings."""
    settings = {"reader": reader.model_dump(mode="json"), "limits": limits.model_dump(mode="json")}
    claim(out / SETTINGS, settings, "holds a corpus prepared with other settings: choose another folder or remove it")


def _read_journal(path: Path) -> dict[str, dict[str, Any]]:
    """Finished recordings by item id. A last line cut off by a kill is removed."""
    if not path.exists():
        return {}
    whole, newline, _ = path.read_bytes().rpartition(b"\n")
    os.truncate(path, len(whole) + len(newline))
    try:
        rows = [json.loads(line) for line in whole.decode("utf-8").split("\n") if line]
        return {row["item"]: row for row in rows}
    except (ValueError, KeyError, TypeError):
        raise SsmphonyError(f"{path} is damaged: remove the folder and prepare the corpus again") from None
