"""Where the text to speak comes from. It is read as it arrives, never as a whole."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK = 1 << 16


class TextSource:
    """Pieces of UTF-8 text from an argument, a file or standard input.

    Iterating raises `SsmphonyError` when a byte is not UTF-8 or the file cannot be read.
    """

    def __init__(self, name: str, file: BinaryIO, size: int | None) -> None:
        self._name = name
        self._file = file
        self._size = size
        self._bytes = 0
        self._characters = 0

    @property
    def expected_characters(self) -> int | None:
        """How long the text will be, estimated from what has been read of it; None if it is unknown."""
        if self._size is None or not self._bytes:
            return None
        return max(1, round(self._size * self._characters / self._bytes))

    @property
    def is_live(self) -> bool:
        """Somebody may be writing it now: it comes from a pipe or a terminal, not from a file on a disk."""
        return not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

    def __iter__(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8-sig")("strict")
        while True:
            try:
                block = os.read(self._file.fileno(), _BLOCK)
            except OSError as error:
                raise _error(f"cannot read {self._name}: {error.strerror}") from None
            try:
                piece = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                place = self._bytes - (len(error.object) - len(block)) + error.start
                raise _error(
                    f"{self._name} is not valid UTF-8 (byte {place}): save it as UTF-8, or convert it with iconv"
                ) from None
            self._bytes += len(block)
            self._characters += len(piece)
            if piece:
                yield piece
            if not block:
                return


def open_text(text: str | None, file: Path | None) -> str | TextSource:
    """The text of the argument, or a source that reads ``file`` or, without one, standard input."""
    if text is not None and file is not None:
        raise _error("give the text or --file, not both")
    if text is not None and text != "-":
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise _error("the text is not valid UTF-8: check the terminal's locale") from None
        return text
    if file is not None and str(file) != "-":
        try:
            opened = file.open("rb", buffering=0)
        except OSError as error:
            raise _error(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None
        return TextSource(str(file), opened, os.fstat(opened.fileno()).st_size)
    if text is None and file is None and sys.stdin.isatty():
        raise _error('nothing to speak: give a text ("नमस्ते"), --file, or pipe text in')
    return TextSource("standard input", sys.stdin.buffer, None)


def lines(source: str | TextSource) -> Iterator[str]:
    """The lines of a text as they arrive, without ``\\n`` or ``\\r\\n``; a last line needs no end."""
    begun: list[str] = []
    for piece in (source,) if isinstance(source, str) else source:
        first, *others = piece.split("\n")
        begun.append(first)
        for line in others:
            yield "".join(begun).removesuffix("\r")
            begun = [line]
    if any(begun) or source == "":
        yield "".join(begun).removesuffix("\r")


def _error(message: str) -> Exception:
    from ssmphony.types import SsmphonyError  # NumPy comes with it

    return SsmphonyError(message)
