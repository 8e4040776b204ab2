"""The TSV tables of cases: one a module, rows without comments."""

from __future__ import annotations

from pathlib import Path

_CASES = Path(__file__).parent / "cases"


def cases(name: str, columns: int = 2) -> list[tuple[str, ...]]:
    """Rows of ``cases/<name>.tsv``, filled up to ``columns``; ``\\n`` is a line end, ``\\uXXXX`` a character."""
    rows: list[tuple[str, ...]] = []
    for line in (_CASES / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("# "):
            cells = [_unescape(cell) for cell in line.split("\t")]
            rows.append(tuple((cells + [""] * columns)[:columns]))
    return rows


def names(folder: str) -> list[str]:
    """The tables in ``cases/<folder>``."""
    return sorted(path.stem for path in (_CASES / folder).glob("*.tsv"))


def lines(name: str) -> list[str]:
    return (_CASES / f"{name}.txt").read_text(encoding="utf-8").splitlines()


def _unescape(cell: str) -> str:
    return cell.encode("ascii", "backslashreplace").decode("unicode_escape") if "\\" in cell else cell
