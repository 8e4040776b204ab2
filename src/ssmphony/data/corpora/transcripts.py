"""A file of transcripts: rows of id, text and perhaps speaker, in whatever form of table it has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from ssmphony.data.corpora.columns import Columns, IsId, find_columns, given_columns, header_of
from ssmphony.data.corpora.table import SAMPLE, SEPARATORS, Row, find_separator, fit, read_rows, width_of
from ssmphony.data.text_files import read_text
from ssmphony.types import SsmphonyError


class Entry(NamedTuple):
    """A row: ``problem`` says why it cannot be used; ``speaker`` is empty where the table does not name one."""

    line: int
    id: str
    text: str = ""
    speaker: str = ""
    problem: str = ""


class Transcripts(NamedTuple):
    """A table whose form is known. ``rows`` are without the header, whose names are ``names``."""

    path: Path
    separator: str
    rows: list[Row]
    columns: Columns
    width: int
    names: list[str]

    def entries(self) -> Iterator[Entry]:
        """Every row in order."""
        ends_with_text = self.width - 1 in self.columns.texts
        for row in self.rows:
            cells = fit(row, self.width, self.separator, ends_with_text)
            if cells is None:
                problem = f"{len(row.cells)} cells in {self.width} columns divided by {SEPARATORS[self.separator]}"
                yield Entry(row.line, "", problem=problem)
                continue
            speaker = "" if self.columns.speaker is None else cells[self.columns.speaker]
            name = cells[self.columns.id]
            yield Entry(row.line, name, self.columns.text(cells), speaker, "" if name else "no id in this row")

    def layout(self) -> str:
        """One line: what divides the columns, and what each of them is taken for."""
        kinds = {self.columns.id: "id", self.columns.speaker: "speaker"} | dict.fromkeys(self.columns.texts, "text")
        named = [
            f"{kinds.get(column, 'not read')} ({self.names[column]})" if self.names else kinds.get(column, "not read")
            for column in range(self.width)
        ]
        return f"{self.path}: columns divided by {SEPARATORS[self.separator]}: {', '.join(named)}"


def read_transcripts(
    path: Path,
    is_id: IsId,
    *,
    letters: Collection[str] = (),
    columns: str | None = None,
    separator: str | None = None,
) -> Transcripts:
    """The table in ``path``; ``is_id`` tells cells that name a recording.

    ``letters`` of the language, where they are known, tell its texts from translations. ``columns``, such as
    ``id,speaker,text``, and ``separator`` are found out where they are not given. Raises
    `SsmphonyError` when the file cannot be read, or nothing divides its lines.
    """
    content = _content(path)
    separator = _separator(path, content, is_id) if separator is None else _given(separator)
    rows = read_rows(content, separator)
    sample = [row.cells for row in rows[:SAMPLE]]
    names = header_of(sample, is_id) or []
    rows = rows[1:] if names else rows
    if columns is not None:
        found, width = given_columns(columns)
        return Transcripts(path, separator, rows, found, width, [])
    width = len(names) or (width_of(rows[:SAMPLE], separator) if rows else 0)
    fitting = [row.cells if len(row.cells) < width else fit(row, width, separator, True) for row in rows[:SAMPLE]]
    fitting = [cells for cells in fitting if cells is not None]
    found = find_columns(fitting, names, is_id, letters) if width else Columns(0, ())
    return Transcripts(path, separator, rows, found, width, names)


def _content(path: Path) -> str:
    if not path.exists():
        parent = path.parent
        tables = sorted(entry.name for entry in parent.glob("*") if entry.suffix.lower() in (".csv", ".tsv", ".txt"))
        hint = f"; name it with --set metadata={tables[0]}" if len(tables) == 1 else ""
        raise SsmphonyError(f"no {path.name} in {parent}: this is not the expected corpus layout{hint}")
    return read_text(path)


def _separator(path: Path, content: str, is_id: IsId) -> str:
    if not content.strip():
        return "|"
    if content.lstrip()[0] in "{[":
        raise SsmphonyError(f"{path}: this looks like JSON: write its lines as id|text")
    separator = find_separator(content, is_id)
    if separator is None:
        raise SsmphonyError(f"{path}: its lines are not divided by |, a tab, ; or ,: write them as id|text")
    return separator


def _given(separator: str) -> str:
    mark = {"tab": "\t", "\\t": "\t", "blank": " "}.get(separator, separator)
    if mark not in SEPARATORS:
        raise SsmphonyError(f"separator: '{separator}' divides no table; known: {', '.join(SEPARATORS.values())}")
    return mark
