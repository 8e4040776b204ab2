"""Finished work on disk, a JSON line each: an evaluation that is stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ssmphony.types import SsmphonyError

Row = dict[str, Any]


class Journal:
    """``<folder>/<name>-<stamp>.jsonl``; work that was done under another stamp is not taken for this one.

    Raises `SsmphonyError` when the folder cannot be written.
    """

    def __init__(self, folder: Path, name: str, stamp: Mapping[str, Any]) -> None:
        digest = hashlib.sha256(json.dumps(stamp, sort_keys=True, default=str).encode()).hexdigest()[:12]
        self.path = folder / f"{name}-{digest}.jsonl"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.path.touch()
        except OSError as error:
            raise SsmphonyError(f"{folder}: cannot be written: {(error.strerror or str(error)).lower()}") from None

    def rows(self) -> dict[str, Row]:
        """By id. A last line cut off by a kill is removed."""
        whole, newline, _ = self.path.read_bytes().rpartition(b"\n")
        os.truncate(self.path, len(whole) + len(newline))
        found = [json.loads(line) for line in whole.decode("utf-8").split("\n") if line]
        return {row["id"]: row for row in found}

    def add(self, row: Row) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
