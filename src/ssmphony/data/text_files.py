"""Text files as people bring them: UTF-8 and UTF-16, with or without a byte order mark, any line ends."""

from __future__ import annotations

import codecs
import stat
import unicodedata
from pathlib import Path

from ssmphony.types import SsmphonyError

LARGEST = 256 << 20
"""Bytes of the largest text file that is read: a few million sentences."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD = 4096  # bytes by which an encoding without a mark is recognised
_HIGH_BYTES = frozenset((0x00, 0x09, 0x20))  # of Latin, Devanagari and general punctuation
_CONTAINERS = ((b"PK\x03\x04", "a zip archive or an Excel workbook"), (b"\xd0\xcf\x11\xe0", "an old Excel workbook"))


def read_text(path: Path, largest: int = LARGEST) -> str:
    """The content of a file with its line ends as ``\\n`` and without a byte order mark.

    Raises `SsmphonyError` when the file cannot be read, has more than ``largest`` bytes, or is in another encoding,
    which is named.
    """
    content = _read(path, largest)
    try:
        text = decode(content)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SsmphonyError(f"{path}, line {line}: cannot be read as UTF-8 text: {_remedy(content, path)}") from None
    if "\0" in text:
        raise SsmphonyError(f"{path}: cannot be read as UTF-8 text: {_remedy(content, path)}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _read(path: Path, largest: int) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise SsmphonyError(f"{path}: cannot be read as text: it is not a file")
        if found.st_size > largest:
            sizes = f"{found.st_size / 1e6:.0f} MB, and {largest / 1e6:.0f} MB are the limit"
            raise SsmphonyError(f"{path}: cannot be read as text: it has {sizes}")
        return path.read_bytes()
    except FileNotFoundError:
        raise SsmphonyError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise SsmphonyError(f"{path}: cannot be read: {reason.lower()}") from None


def decode(content: bytes) -> str:
    """``content`` by its byte order mark, as UTF-16 where it looks like that, or else as UTF-8.

    Raises UnicodeDecodeError.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    return content.decode(_utf16(content) or "utf-8")


def _utf16(content: bytes) -> str | None:
    """UTF-16 without a mark: every other byte is one of few, mostly of Devanagari's block or of ASCII's."""
    head = content[:_HEAD]
    if len(content) % 2 or not head:
        return None
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        high, low = head[first::2], head[1 - first :: 2]
        if not _HIGH_BYTES.issuperset(high) or 2 * high.count(0x20) > len(high) or _HIGH_BYTES.issuperset(low):
            continue
        text = head.decode(encoding, errors="replace")
        if all(letter in "\n\r\t" or unicodedata.category(letter) not in ("Cc", "Cn") for letter in text):
            return encoding
    return None


def _remedy(content: bytes, path: Path) -> str:
    for beginning, kind in _CONTAINERS:
        if content.startswith(beginning):
            return f"it is {kind}; save the sheet as CSV in UTF-8"
    if b"\0" in content[:_HEAD]:
        return "it is not a text file"
    return f"it looks like Windows-1252 or another legacy encoding; try: iconv -f WINDOWS-1252 -t UTF-8 '{path.name}'"
