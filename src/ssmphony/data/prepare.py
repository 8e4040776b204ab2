"""``ssmphony prepare``: a corpus in its own layout → a prepared corpus (see `ssmphony.data.manifest`).

Each recording is read, checked, resampled, trimmed, brought to one loudness, transcribed to symbols and
given its fundamental frequency. What cannot be used is listed in ``rejected.jsonl`` with the reason.

A line in ``journal.jsonl`` for each finished recording makes it resumable: killed midway and run again, it goes on
where it was, and the manifest is the same as that of an unbroken run. Recordings and texts that were changed since
are prepared again, and the clips of those that are gone are removed.
"""

from __future__ import annotations

import glob
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from ssmphony.config import choose, load_json, parse
from ssmphony.data.clips import Rejected, Unreadable
from ssmphony.data.corpora.reader import Item, Reader, Utterance
from ssmphony.data.corpora.registry import READERS
from ssmphony.data.corrections import correct_all
from ssmphony.data.finish import (
    Finished,
    Limits,
    PhoneError,
    PhoneTimes,
    check_speech,
    finish_clip,
    write_finished,
)
from ssmphony.data.journal import JOURNAL, Journal, Row, digest, stamp
from ssmphony.data.manifest import FEATURES, MANIFEST, REJECTED, claim, write_rows
from ssmphony.parallel import Executor
from ssmphony.parallel.local import run_local
from ssmphony.types import SsmphonyError

T = TypeVar("T")

SETTINGS = "prepare.json"

_OF_ITEMS = ("corrections", "columns", "separator", "sentences", "texts")
"""Settings that change nothing but what a corpus says of its recordings, which the journal knows of each of them."""

_SHOWN = 3  # ids that an error names
_REASONS = 2

Progress = Callable[[int, int], None]
"""Called with (recordings done, recordings in all)."""


class Prepared(NamedTuple):
    """The result of a run."""

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
    phone_error: PhoneError | None = None,
    phone_times: PhoneTimes | None = None,
    workers: int | None = 1,
    engine: Executor = run_local,
    progress: Progress | None = None,
) -> Prepared:
    """Prepare the corpus of ``reader`` in the folder ``out``, with ``workers`` processes; None is all cores.

    Raises `SsmphonyError` when the corpus is not there, is empty or has no recording that can be used, when ``out``
    cannot be written, or when it holds a corpus that was prepared with other settings. A recording that cannot be used
    is listed, whatever is wrong with it.
    """
    items = _listed(reader, out)
    _claim(out, reader, limits)
    journal = Journal(out / JOURNAL)
    before = list(journal.rows.values())
    waiting = [item for item in items if not journal.is_current(item)]
    report = progress or (lambda done, total: None)
    report(len(items) - len(waiting), len(items))
    try:
        with (out / JOURNAL).open("a", encoding="utf-8") as file:
            start = partial(_worker, reader, out.resolve(), limits, phone_error, phone_times)
            with closing(engine(start, waiting, workers)) as results:
                for number, (_, row) in enumerate(results, start=1):
                    journal.rows[row["item"]] = row
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    file.flush()
                    report(len(items) - len(waiting) + number, len(items))
        journal.adopt(items)
        return _write(out, [journal.rows[item.id] for item in items], before, reader)
    except OSError as error:
        raise SsmphonyError(f"{out}: cannot be written: {error.strerror or error}; run again to continue") from None
    finally:
        for partial_file in out.glob("*/.*"):  # of processes that were stopped
            partial_file.unlink(missing_ok=True)


def _listed(reader: Reader, out: Path) -> list[Item]:
    """The recordings of the corpus, with corrections; raises `SsmphonyError` where there are none or two of one id."""
    ours = out.resolve()
    items = [item for item in reader.items() if item.path is None or ours not in item.path.resolve().parents]
    if not items:
        raise SsmphonyError("the corpus is empty: no recordings found")
    counts = Counter(item.id for item in items)
    if twice := [name for name, count in counts.items() if count > 1]:
        raise SsmphonyError(f"several recordings have the same id: {_first(twice)}: give each of them its own")
    return correct_all(items, reader.corrections)


def _write(out: Path, rows: Sequence[Row], before: Iterable[Row], reader: Reader) -> Prepared:
    """The manifest and the list of what was left out, and the end of clips that are gone. Raises OSError, and
    `SsmphonyError` when there is no clip at all: an earlier manifest is then left as it was."""
    clips = [clip for row in rows for clip in row["clips"]]
    rejected = [line for row in rows for line in row["rejected"]]
    write_rows(out / REJECTED, rejected)
    if not clips:
        raise SsmphonyError(_nothing_left(rejected, out, reader))
    write_rows(out / MANIFEST, clips)
    write_rows(out / JOURNAL, rows)
    kept = {clip["id"] for clip in clips}
    for name in {clip["id"] for row in before for clip in row["clips"]} - kept:
        features = out.glob(f"{FEATURES}/*/{glob.escape(name)}.npy")
        for path in (out / "audio" / f"{name}.flac", out / "f0" / f"{name}.npy", *features):
            path.unlink(missing_ok=True)
    return Prepared(len(clips), len(rejected), sum(clip["seconds"] for clip in clips))


def _nothing_left(rejected: Sequence[Mapping[str, str]], out: Path, reader: Reader) -> str:
    """One line with the reasons that most recordings share, numbers in them apart."""
    groups: dict[str, list[Mapping[str, str]]] = {}
    for line in rejected:
        groups.setdefault(re.sub(r"[\d.]+|'.*'", "", line["reason"]), []).append(line)
    reasons = [
        f"{len(group)} times: {group[0]['reason']} ({_first([line['id'] for line in group])})"
        for group in sorted(groups.values(), key=len, reverse=True)[:_REASONS]
    ]
    layout = reader.layout()
    return f"nothing in the corpus can be used; {'; '.join(reasons)}; all reasons are in {out / REJECTED}" + (
        f"; {layout}" if layout else ""
    )


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(f"'{name}'" for name in names[:_SHOWN]) + more


def _worker(
    reader: Reader, out: Path, limits: Limits, phone_error: PhoneError | None, phone_times: PhoneTimes | None
) -> Callable[[Item], dict[str, Any]]:
    """What an executor starts in its processes. Raises `SsmphonyError` on a machine that does not see ``out``."""
    if not (out / SETTINGS).exists():
        raise SsmphonyError(f"{out} is not the same folder on every machine: give one that all of them share")
    finish = partial(_finish, reader, limits, phone_error, phone_times)
    return partial(_prepare_item, reader, out, finish)


def _prepare_item(reader: Reader, out: Path, finish: Callable[[Utterance], Finished], item: Item) -> Row:
    """One line of the journal: the clips of a recording, and what was rejected.

    Raises `SsmphonyError` for what ends a preparation, such as a missing library, and OSError when nothing can be
    written.
    """
    row: Row = {"item": item.id, "clips": [], "rejected": [], "listed": digest(item), "file": stamp(item.path)}
    for utterance in _attempt(row, item.id, partial(_read, reader, item)) or ():
        finished = _attempt(row, utterance.id, partial(finish, utterance))
        if isinstance(finished, Finished):
            write_finished(finished, out)
            row["clips"].append(asdict(finished.clip))
    return row


def _finish(
    reader: Reader,
    limits: Limits,
    phone_error: PhoneError | None,
    phone_times: PhoneTimes | None,
    utterance: Utterance,
) -> Finished:
    finished = finish_clip(utterance, reader.language, reader.transcriber, limits, phone_times)
    if phone_error is not None:
        check_speech(finished, limits, phone_error)
    return finished


def _read(reader: Reader, item: Item) -> Sequence[Utterance]:
    if item.problem:
        raise Rejected(item.problem)
    return reader.read(item)


def _attempt(row: Row, name: str, work: Callable[[], T]) -> T | None:
    """The result of ``work``; None, and a reason in the row, for whatever goes wrong with one recording."""
    try:
        return work()
    except SsmphonyError:
        raise
    except Rejected as error:
        reason, again = str(error), isinstance(error, Unreadable)
    except Exception as error:  # of libraries, on files that nobody foresaw: the others are prepared all the same
        reason, again = f"cannot be analysed: {type(error).__name__}: {error}", True
    row["rejected"].append({"id": name, "reason": " ".join(reason.split())})
    row["again"] = row.get("again", False) or again
    return None


def _claim(out: Path, reader: Reader, limits: Limits) -> None:
    """Make the folder, or make sure that it was prepared with the same settings."""
    path = out / SETTINGS
    settings = {"reader": reader.model_dump(mode="json"), "limits": limits.model_dump(mode="json")}
    refusal = "holds a corpus prepared with other settings: choose another folder or remove it"
    if path.is_file():
        found = _settings(path)
        if found is None or _without(found, _OF_ITEMS) != _without(settings, _OF_ITEMS):
            raise SsmphonyError(f"{out} {refusal}")
        write_rows(path, [settings])  # as this version writes them
    claim(path, settings, refusal)


def _settings(path: Path) -> dict[str, Any] | None:
    """The settings in a folder, with the defaults of those that its version did not have; None for others."""
    try:
        found = load_json(path)
        reader, limits = reader_from(found["reader"]), parse(Limits, found["limits"])
    except (SsmphonyError, KeyError, TypeError, AttributeError):
        return None
    return {"reader": reader.model_dump(mode="json"), "limits": limits.model_dump(mode="json")}


def _without(settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {**settings, "reader": {key: value for key, value in settings["reader"].items() if key not in names}}
