"""The folder that a batch writes: audio files, ``manifest.jsonl``, and while it works a hidden folder.

manifest.jsonl     {"id", "file", "text", "seconds", "sample_rate", "voice", "speaker", "ms", "bytes", "hash"}, in the
                   order of the jobs; ``ms`` is the time it took, ``hash`` what the sound depends on
failures.jsonl     {"id", "line", "text", "error"}; not there when nothing failed
.batch/            journals, a file for each process that worked, and partial audio; ``lock``

The journals are merged into the manifest when a run ends, or, if it was killed, when the next one begins.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ssmphony.audio.files import PartialFile
from ssmphony.types import SsmphonyError

MANIFEST = "manifest.jsonl"
FAILURES = "failures.jsonl"
HIDDEN = ".batch"
_KEYS = {"id", "file", "text", "seconds", "sample_rate", "voice", "bytes", "hash"}

Row = dict[str, Any]


@contextmanager
def claimed(out: Path) -> Generator[None, None, None]:
    """Make the folder and keep other runs out of it. Raises `SsmphonyError` when that cannot be."""
    try:
        (out / HIDDEN).mkdir(parents=True, exist_ok=True)
        lock = (out / HIDDEN / "lock").open("w")
    except OSError as error:
        raise SsmphonyError(f"{out}: cannot be written: {(error.strerror or str(error)).lower()}") from None
    with lock:
        _lock(lock.fileno(), out)
        yield


def _lock(descriptor: int, out: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows; two batches in one folder would only do the same work twice
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SsmphonyError(f"another run is using {out}: wait for it, or choose another folder") from None
    except OSError:  # a shared file system without locks
        return


def recorded(out: Path) -> dict[str, Row]:
    """The rows of all jobs whose file is there as it was written, by file. A damaged line counts as not done."""
    rows: dict[str, Row] = {}
    for path in (out / MANIFEST, *sorted((out / HIDDEN).glob("*.jsonl"))):
        for row in _rows(path):
            rows[row["file"]] = row
    return {file: row for file, row in rows.items() if _size(out / file) == row["bytes"]}


def _rows(path: Path) -> Iterable[Row]:
    if not path.is_file():
        return
    for line in path.read_bytes().split(b"\n"):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # a kill, or a full disk, cuts a line off
            continue
        if isinstance(row, dict) and row.keys() >= _KEYS and isinstance(row["file"], str) and "/" not in row["file"]:
            yield row


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (OSError, ValueError):
        return None


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append to a journal that has one writer."""
    with path.open("ab") as file:
        file.write(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n")


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replace a file of JSON lines in one step; one that holds these rows already is left alone."""
    content = b"".join(json.dumps(row, ensure_ascii=False).encode("utf-8") + b"\n" for row in rows)
    if _size(path) == len(content) and path.read_bytes() == content:
        return
    with PartialFile(path) as file:
        file.write(content)


def clear(out: Path) -> None:
    """Remove journals, which must have been merged, and partial files."""
    for path in (out / HIDDEN).iterdir():
        if path.name != "lock":
            path.unlink(missing_ok=True)
    for path in out.glob(".ssmphony-*.part"):
        path.unlink(missing_ok=True)
