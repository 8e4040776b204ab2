"""What was prepared, and of what: ``journal.jsonl`` in a prepared corpus, a line for each finished recording.

{"item", "clips", "rejected", "listed", "file", "again"}

``listed`` is a digest of what the corpus says of the recording (text, speaker, word times), ``file`` the size, the
time of change and the checksum of its audio file. A recording of which both are as before is not prepared again. Lines
of earlier versions have neither; `Journal.is_current` goes by what else is known of them.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ssmphony.data.corpora.reader import Item
from ssmphony.data.manifest import MANIFEST
from ssmphony.types import SsmphonyError

JOURNAL = "journal.jsonl"

Row = dict[str, Any]


class Journal:
    """The finished recordings of a folder by item id; of several lines on one recording the last counts."""

    def __init__(self, path: Path) -> None:
        """Reads what is there. A last line cut off by a kill is removed. Raises `SsmphonyError` for a damaged file."""
        self.path = path
        self.rows: dict[str, Row] = {}
        if not path.exists():
            self._written_ns = 0
            return
        finished = (file for file in (path, path.with_name(MANIFEST)) if file.exists())
        self._written_ns = min(file.stat().st_mtime_ns for file in finished)
        whole, newline, _ = path.read_bytes().rpartition(b"\n")
        if path.stat().st_size > len(whole) + len(newline):
            os.truncate(path, len(whole) + len(newline))
        try:
            rows = [json.loads(line) for line in whole.decode("utf-8").split("\n") if line]
            self.rows = {row["item"]: row for row in rows if row["clips"] is not None and row["rejected"] is not None}
        except (ValueError, KeyError, TypeError):
            raise SsmphonyError(f"{path} is damaged: remove the folder and prepare the corpus again") from None

    def is_current(self, item: Item) -> bool:
        """Whether the recording was finished, is as it was then, and has its clips."""
        row = self.rows.get(item.id)
        if row is None or row.get("again") or not all(self._is_there(clip) for clip in row["clips"]):
            return False
        if "listed" not in row:
            return self._was_current(item, row)
        if row["listed"] != digest(item):
            return False
        now = _unchanged(row["file"], item.path)
        if now is not None:
            row["file"] = now
        return now is not None or (row["file"] is None and item.path is None)

    def _is_there(self, clip: Mapping[str, Any]) -> bool:
        return all((self.path.parent / file).is_file() for file in (clip["audio"], f"f0/{clip['id']}.npy"))

    def adopt(self, items: Iterable[Item]) -> None:
        """Give lines of earlier versions their digests."""
        for item in items:
            row = self.rows[item.id]
            if "listed" not in row:
                row |= {"listed": digest(item), "file": stamp(item.path, checksum=False)}

    def _was_current(self, item: Item, row: Row) -> bool:
        """The same for a line without digests: the texts of the clips are there, and the time of the last line."""
        texts = "".join(str(clip["text"]) for clip in row["clips"])
        if row["rejected"] or "".join(texts.split()) != "".join((item.text or "").split()):
            return False
        if item.path is None:
            return item.text is not None and not item.problem and bool(row["clips"])
        file = stamp(item.path, checksum=False)
        return file is not None and int(file["mtime"]) <= self._written_ns


def digest(item: Item) -> str:
    """Of what the corpus says of a recording, without its path: a corpus may be moved."""
    said = (item.speaker, item.text, item.word_times, item.problem, *filter(None, (item.rendered,)))
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:32]


def stamp(path: Path | None, checksum: bool = True) -> Row | None:
    """Size in bytes, time of change in ns, and checksum of a file; None where there is no file."""
    if path is None:
        return None
    try:
        found = path.stat()
        row: Row = {"size": found.st_size, "mtime": found.st_mtime_ns}
        return row | {"sha256": _checksum(path)} if checksum and path.is_file() else row
    except OSError:
        return None


def _unchanged(known: Mapping[str, Any] | None, path: Path | None) -> Row | None:
    """The stamp of a file that is as it was, by time and size, or else by content: a copy of a corpus has other times.
    None where it is another."""
    now = stamp(path, checksum=False)
    if known is None or now is None or now["size"] != known["size"]:
        return None
    if now["mtime"] == known["mtime"]:
        return dict(known)
    now = stamp(path) if "sha256" in known else None
    return now if now is not None and now.get("sha256") == known["sha256"] else None


def _checksum(path: Path) -> str:
    content = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            content.update(block)
    return content.hexdigest()
