"""Plain text and Markdown to blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ssmphony.books.book import MAX_BLOCKS, Block, Run, clean, printable, too_long

_PARTS = "भाग|खंड|खण्ड|कांड|काण्ड|पर्व|part|book"
_CHAPTERS = "अध्याय|परिच्छेद|पाठ|सर्ग|प्रकरण|chapter|section"
_COUNT = (
    r"[\d०-९]+|[ivxlc]+|एक|दो|तीन|चार|पाँच|पांच|छह|छः|सात|आठ|नौ|दस|ग्यारह|बारह|तेरह|चौदह|पंद्रह|सोलह|सत्रह|अठारह|उन्नीस|बीस|"
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|the (?:first|second|third|last)"
)
_ORDINAL = (
    r"(?:पहला|पहली|दूसरा|दूसरी|तीसरा|तीसरी|चौथा|चौथी|छठा|छठी|अंतिम|[\d०-९]+(?:वाँ|वां)|\S+(?:वाँ|वां)|first|second|third|last)"
)
_ALONE = "भूमिका|प्रस्तावना|आमुख|उपसंहार|समर्पण|preface|foreword|introduction|prologue|epilogue"
_LEVELS = (
    (1, re.compile(rf"(?:{_PARTS})[\s:.–-]*(?:{_COUNT})\b.*|{_ORDINAL}\s+(?:{_PARTS})\b.*", re.IGNORECASE)),
    (2, re.compile(rf"(?:{_CHAPTERS})[\s:.–-]*(?:{_COUNT})\b.*|{_ORDINAL}\s+(?:{_CHAPTERS})\b.*", re.IGNORECASE)),
    (2, re.compile(rf"(?:{_ALONE})", re.IGNORECASE)),
)
_LONGEST_HEADING = 80
_ENDS = "।॥.?!,;…|"
_RULE = re.compile(r"\s*(?:[*·•~#=_–—-]\s*){3,}")
_WRAPPED = 40
"""A paragraph whose lines are shorter is verse: its line ends are kept."""
_FRONT = re.compile(r"---[ \t]*\n(.*?)\n---[ \t]*(?:\n|$)", re.DOTALL)


def read_plain(text: str, where: str) -> list[Block]:
    """Paragraphs are separated by blank lines, or each line is one where there are none.

    A heading is a line of its own that reads like one (अध्याय १, Chapter 2, प्रस्तावना), begins with ``#``, or is
    underlined.
    """
    lines = printable(text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    blank = any(not line.strip() for line in lines[1:-1])
    blocks: list[Block] = []
    for paragraph in _paragraphs(lines) if blank else ([line] for line in lines if line.strip()):
        if len(blocks) >= MAX_BLOCKS:
            raise too_long(where)
        blocks += _block(paragraph)
    return blocks


def _paragraphs(lines: list[str]) -> Iterator[list[str]]:
    held: list[str] = []
    for line in (*lines, ""):
        if line.strip():
            held.append(line.strip())
        elif held:
            yield held
            held = []


def _block(lines: list[str]) -> Iterator[Block]:
    first = clean(lines[0])
    if len(lines) == 1 and _RULE.fullmatch(lines[0]):
        yield Block("rule")
        return
    underline = lines[1].strip() if len(lines) > 1 else ""
    if re.fullmatch("={3,}|-{3,}", underline) and len(first) <= _LONGEST_HEADING:
        yield Block("heading", (Run(first),), 1 if underline[0] == "=" else 2)
        if lines[2:]:
            yield from _block(lines[2:])
        return
    if marked := re.fullmatch(r"(#{1,6})\s+(.+?)\s*#*", lines[0]):
        yield Block("heading", (Run(clean(marked[2])),), len(marked[1]))
        if lines[1:]:
            yield from _block(lines[1:])
        return
    if len(lines) == 1 and (level := _heading_level(first)):
        yield Block("heading", (Run(first),), level)
        return
    wrapped = len(lines) > 1 and all(len(line) >= _WRAPPED for line in lines[:-1])
    yield Block("paragraph", (Run((" " if wrapped else "\n").join(clean(line) for line in lines)),))


def _heading_level(line: str) -> int:
    """1 or 2 for a line that reads like a heading, 0 for others."""
    if len(line) > _LONGEST_HEADING or line[-1:] in _ENDS:
        return 0
    return next((level for level, pattern in _LEVELS if pattern.fullmatch(line)), 0)


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """The ``key: value`` lines between two ``---`` at the beginning of Markdown, and the rest of it."""
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    pairs = (line.partition(":") for line in match[1].split("\n"))
    values = {key.strip().lower(): clean(value.strip().strip("\"'")) for key, mark, value in pairs if mark}
    return {key: value for key, value in values.items() if value}, text[match.end() :]
