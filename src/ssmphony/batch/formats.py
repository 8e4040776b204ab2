"""Job files: each format becomes rows of named values with their line numbers.

csv       a header line, then ``text`` and any of `COLUMNS`; commas, semicolons, tabs or ``|``
jsonl     one object a line, as Piper reads them: ``{"text": …, "speaker": …, "output_file": …}``
ljspeech  ``id|text`` or ``id|text|normalised text``, without header and without quoting
text      one sentence a line
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ssmphony.config import choose
from ssmphony.errors import suggest
from ssmphony.types import SsmphonyError

COLUMNS = ("id", "file", "text", "voice", "speaker", "speaker_id", "speed", "pitch", "seed")
_ALSO = {"output_file": "file"}
_DELIMITERS = (",", ";", "\t", "|")


class Row(NamedTuple):
    """What a job file says of one job; ``problem`` where the line could not be read at all."""

    line: int
    values: Mapping[str, Any]
    problem: str = ""


def read_rows(path: Path, kind: str | None = None) -> list[Row]:
    """The rows of a job file, or of the ``metadata.csv`` of a folder; ``kind`` None goes by the name and the head.

    Raises `SsmphonyError` when the file cannot be read, has an unknown column, or looks like none of the formats.
    """
    if path.is_dir():
        path, kind = path / "metadata.csv", kind or "ljspeech"
    content = _read(path)
    kind = kind or _guess(path, content)
    return list(choose(_READERS, kind, "input format")(content, str(path)))


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SsmphonyError(f"cannot read {path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SsmphonyError(
            f"{path}, line {line}: not valid UTF-8: save it as UTF-8, or convert it with iconv"
        ) from None


def _guess(path: Path, content: str) -> str:
    suffix = path.suffix.lower()
    if suffix in _SUFFIXES:
        return _SUFFIXES[suffix]
    if suffix not in (".csv", ".tsv"):
        raise SsmphonyError(f"{path}: its name does not show its format: give --input-format {'|'.join(_READERS)}")
    head = next((line for _, line in _lines(content)), "")
    if "text" in _names(head, _delimiter(head)) or "|" not in head:
        return "csv"
    return "ljspeech"


def _lines(content: str) -> Iterator[tuple[int, str]]:
    """Lines that hold something, with their numbers. Not `splitlines`: that cuts at characters of the text too."""
    for number, line in enumerate(content.split("\n"), start=1):
        if line.strip():
            yield number, line.removesuffix("\r")


def _text(content: str, where: str) -> Iterator[Row]:
    for number, line in _lines(content):
        yield Row(number, {"text": line.strip()})


def _ljspeech(content: str, where: str) -> Iterator[Row]:
    for number, line in _lines(content):
        name, *texts = line.split("|")
        if not 1 <= len(texts) <= 2:
            yield Row(number, {}, f"write it as id|text or id|text|normalised, not in {1 + len(texts)} columns")
            continue
        name = name.strip().removeprefix("wavs/").removesuffix(".wav")
        yield Row(number, {"id": name, "text": texts[-1].strip() or texts[0].strip()})


def _jsonl(content: str, where: str) -> Iterator[Row]:
    for number, line in _lines(content):
        try:
            values: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Row(number, {}, f"not valid JSON: {error}")
            continue
        if not isinstance(values, dict):
            yield Row(number, {}, "a job is a JSON object, {…}")
            continue
        unknown = _unknown(values)
        named = {str(_ALSO.get(key, key)): value for key, value in values.items() if value is not None}
        yield Row(number, named, f"unknown key {unknown}" if unknown else "")


def _csv(content: str, where: str) -> Iterator[Row]:
    head = next((line for _, line in _lines(content)), "")
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=_delimiter(head), strict=True)
    names: list[str] = []
    begin = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(begin, {}, f"not valid CSV: {error}")
            return
        if any(cell.strip() for cell in cells):
            if not names:
                names = _header(cells, where)
            elif len(cells) > len(names):
                yield Row(begin, {}, f"{len(cells)} cells in {len(names)} columns: put the text in quotes")
            else:
                yield Row(begin, {name: cell.strip() for name, cell in zip(names, cells, strict=False) if cell.strip()})
        begin = reader.line_num + 1


def _header(cells: list[str], where: str) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if "text" not in names:
        near = suggest("text", names).replace("did you mean", "is it")
        raise SsmphonyError(f"{where}: no column 'text' in its first line{near}; columns: {', '.join(COLUMNS)}")
    if unknown := _unknown(names):
        raise SsmphonyError(f"{where}: unknown column {unknown}; columns: {', '.join(COLUMNS)}")
    names = [_ALSO.get(name, name) for name in names]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SsmphonyError(f"{where}: the column '{twice}' occurs twice")
    return names


def _unknown(names: Any) -> str:
    known = (*COLUMNS, *_ALSO)
    return next((f"'{name}'{suggest(name, known)}" for name in names if name not in known), "")


def _delimiter(head: str) -> str:
    """The one under which most of a header's names are known."""
    return max(_DELIMITERS, key=lambda mark: sum(name in (*COLUMNS, *_ALSO) for name in _names(head, mark)))


def _names(head: str, delimiter: str) -> list[str]:
    return [name.strip().strip('"').lower() for name in head.split(delimiter)]


_READERS: dict[str, Callable[[str, str], Iterator[Row]]] = {
    "csv": _csv,
    "jsonl": _jsonl,
    "ljspeech": _ljspeech,
    "text": _text,
}
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text"}
INPUT_FORMATS = tuple(_READERS)
