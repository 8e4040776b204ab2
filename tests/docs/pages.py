"""The fenced blocks of a Markdown page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(path for path in ROOT.glob("docs/**/*.md") if path.parent.name != "log")])

FENCE = re.compile(r"^\s*```")
NOTE = re.compile(r"^\s*<!-- (not run|command): (.+?) -->\s*$")


class Block(NamedTuple):
    """``note`` is the kind of the comment on the line above: 'not run', 'command' or ''."""

    page: Path
    line: int
    language: str
    note: str
    code: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Every fenced block of a page, in order. Raises `ValueError` when a fence is left open."""
    lines = page.read_text(encoding="utf-8").splitlines()
    found: list[Block] = []
    opened: int | None = None
    for number, line in enumerate(lines):
        if not FENCE.match(line):
            continue
        if opened is None:
            opened = number
            continue
        first = lines[opened]
        indent = len(first) - len(first.lstrip())
        note = NOTE.match(lines[opened - 1]) if opened else None
        code = "\n".join(text[indent:] for text in lines[opened + 1 : number]) + "\n"
        language = first.strip().removeprefix("```").strip()
        found.append(Block(page, opened + 1, language, note.group(1) if note else "", code))
        opened = None
    if opened is not None:
        raise ValueError(f"{page}:{opened + 1}: this block is never closed")
    return found


ALL = [block for page in PAGES for block in blocks(page)]
