"""Tables of transcripts as rows of cells, whatever divides them. `columns` finds out which cell is which."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

SEPARATORS = {"|": "|", "\t": "tab", ";": ";", ",": ",", " ": "blank"}
"""What may divide a line, and its name. After a blank the rest of the line is one cell, as in Kaldi's ``text``."""

SAMPLE = 2000
"""Rows by which a table is judged."""

_QUOTING = (",", ";")  # as spreadsheets write them: cells in quotes may hold separators and line ends
_MOST_LINES = 50  # of one cell: a quotation mark that is never closed spoils one row, not the rest of the file


class Row(NamedTuple):
    """``line`` is the number of its first line; ``raw`` is the line itself, empty where cells were in quotes."""

    line: int
    cells: tuple[str, ...]
    raw: str


def read_rows(content: str, separator: str) -> list[Row]:
    """The rows that hold something, their cells without blanks around them."""
    lines = content.split("\n")
    rows: list[Row] = []
    number = 0
    while number < len(lines):
        row, used = _row(lines, number, separator)
        if any(row.cells):
            rows.append(row)
        number += used
    return rows


def _row(lines: Sequence[str], number: int, separator: str) -> tuple[Row, int]:
    """The row that begins with line ``number``, and how many lines it takes."""
    line = lines[number]
    if separator == " ":
        return Row(number + 1, tuple(line.split(maxsplit=1)), line), 1
    if separator in _QUOTING and '"' in line:
        for count in range(1, _MOST_LINES + 1):
            cells = _quoted("\n".join(lines[number : number + count]), separator)
            if cells is not None:
                return Row(number + 1, tuple(" ".join(cell.split("\n")) for cell in cells), ""), count
            if number + count >= len(lines):
                break
    return Row(number + 1, tuple(_plain(cell) for cell in line.split(separator)), line), 1


def _quoted(text: str, separator: str) -> tuple[str, ...] | None:
    """The cells of one row in the manner of spreadsheets; None where quotation marks are not used in this way."""
    try:
        found = list(csv.reader([text], delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    return tuple(cell.strip() for cell in found[0]) if len(found) == 1 else None


def _plain(cell: str) -> str:
    """A cell without blanks around it, and without the quotation marks that some writers put around all cells."""
    cell = cell.strip()
    inside = cell[1:-1].replace('""', "")
    return cell[1:-1].replace('""', '"').strip() if cell[:1] == cell[-1:] == '"' != cell and '"' not in inside else cell


def find_separator(content: str, is_id: Callable[[str], bool]) -> str | None:
    """What divides most lines into cells of which one is an id; failing that, what divides most lines at all.

    None where nothing divides half of them.
    """
    head = "\n".join([line for line in content.split("\n", 2 * SAMPLE)[: 2 * SAMPLE] if line.strip()][:SAMPLE])
    divided = {mark: [row.cells for row in read_rows(head, mark) if len(row.cells) > 1] for mark in SEPARATORS}
    named = {mark: sum(any(map(is_id, cells)) for cells in rows) for mark, rows in divided.items()}
    best = max(SEPARATORS, key=lambda mark: named[mark])
    if named[best]:
        return best
    best = max((mark for mark in SEPARATORS if mark != " "), key=lambda mark: len(divided[mark]))
    return best if 2 * len(divided[best]) >= head.count("\n") + 1 else None


def width_of(rows: Sequence[Row], separator: str) -> int:
    """How many columns most rows have. A comma before a blank is one of the text, unless all are written so."""
    if separator in _QUOTING:
        tight = [row.raw.count(separator) - row.raw.count(f"{separator} ") for row in rows if row.raw]
        full = [len(row.cells) for row in rows if not row.raw]
        counts = Counter([*full, *(count + 1 for count in tight)])
        if (most := _most(counts)) > 1:
            return most
    return _most(Counter(len(row.cells) for row in rows))


def _most(counts: Counter[int]) -> int:
    return max(counts, key=lambda count: (counts[count], count))


def fit(row: Row, width: int, separator: str, ends_with_text: bool) -> tuple[str, ...] | None:
    """The ``width`` cells of a row; None for a row that has more.

    Missing ones are empty. Where the text is the last column, commas in it that no quotation marks protect are part
    of it.
    """
    if len(row.cells) <= width:
        return row.cells + ("",) * (width - len(row.cells))
    if ends_with_text and separator in _QUOTING and row.raw:
        return tuple(_plain(cell) for cell in row.raw.split(separator, width - 1))
    cells = _quoted(row.raw, separator) if '"' in row.raw and separator != " " else None
    return cells if cells is not None and len(cells) == width else None
