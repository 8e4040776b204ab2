"""Sentences to be read out by a teacher: of files with one a line, or of folders of Markdown stories."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from ssmphony.data.text_files import read_text

_MARKDOWN = re.compile(r"^\s*(#|\*|!|$)")
_SENTENCE = re.compile(r"[^।॥?!]+[।॥?!]*[”\"’']?")


def sentences_of(path: Path) -> Iterator[str]:
    """Sentences of a text file, one a line, or of a folder of Markdown stories."""
    if path.is_dir():
        for story in sorted(path.glob("*.md")):
            lines = read_text(story).split("\n")
            prose = " ".join(line.strip() for line in lines if not _MARKDOWN.match(line))
            yield from (_clean(match.group()) for match in _SENTENCE.finditer(prose))
    else:
        yield from (_clean(line) for line in read_text(path).rstrip("\n").split("\n"))


def _clean(sentence: str) -> str:
    return unicodedata.normalize("NFC", " ".join(sentence.split()))
