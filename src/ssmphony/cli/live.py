"""Text that somebody is still writing: where the writer pauses, what is complete so far is spoken."""

from __future__ import annotations

import queue
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ssmphony.types import AudioChunk

PAUSE_S = 0.7
"""Longer than a program pauses between two words, shorter than a listener's patience."""
_TAIL = 400  # characters: more than `[[…]]` may hold
_BLANKS = " " * 16
"""After an end: a text is not spoken before it is long enough to tell that it is no markup."""


class LiveText:
    """Pieces of a text as they arrive. When none arrives for `PAUSE_S` after a clause or a sentence, it ends there.

    An end is made of characters that the text does not have; `placed` gives the places in the text without them. A
    document of markup is spoken when it is complete. Only pauses change what is spoken, not how the text is cut into
    pieces.
    """

    def __init__(self, pieces: Iterable[str], pause_s: float = PAUSE_S) -> None:
        self._pieces = pieces
        self._pause_s = pause_s
        self._ends: list[int] = []

    def __iter__(self) -> Iterator[str]:
        arrived: queue.Queue[str | BaseException | None] = queue.Queue(1)
        threading.Thread(target=self._read, args=(arrived,), daemon=True).start()
        length, tail, begin = 0, "", ""
        while True:
            try:
                piece = arrived.get(timeout=self._pause_s)
            except queue.Empty:
                if end := "" if begin == "<" else _end(tail):
                    end += _BLANKS
                    self._ends.extend(range(length, length + len(end)))
                    length, tail = length + len(end), ""
                    yield end
                continue
            if piece is None:
                return
            if isinstance(piece, BaseException):
                raise piece
            length, tail = length + len(piece), (tail + piece)[-_TAIL:]
            begin = begin or piece.lstrip("\ufeff \t\r\n")[:1]
            yield piece

    def _read(self, arrived: queue.Queue[str | BaseException | None]) -> None:
        """Runs in a thread of its own, which may wait for text for ever."""
        try:
            for piece in self._pieces:
                arrived.put(piece)
        except BaseException as error:
            arrived.put(error)
        else:
            arrived.put(None)

    def placed(self, chunk: AudioChunk) -> AudioChunk:
        """``chunk`` with the places of its words in the text as it was written."""
        if not self._ends or not chunk.words:
            return chunk
        words = tuple(
            replace(
                word,
                start=word.start - bisect_left(self._ends, word.start),
                end=word.end - bisect_left(self._ends, word.end),
            )
            for word in chunk.words
        )
        return replace(chunk, words=words)


def _end(text: str) -> str:
    """What ends the clause or the sentence that ``text`` stops with; nothing inside of one.

    >>> [_end(text) for text in ("नमस्ते, ", "नमस्ते।", "नमस्ते", "1,", "डॉ. ")]
    ['\\x1f', ' ', '', '', '']
    """
    from ssmphony.text.sentences import CLAUSE, CUT, ENDS

    said = text.rstrip()
    blank = text[len(said) :]
    if not said or "\n" in blank or said.rfind("[[") > said.rfind("]]"):
        return ""
    if CLAUSE.match(said[-1] + " "):
        return CUT if blank or not _goes_on(said) else ""
    if not blank and ENDS.match(said[-1]):
        return "" if said[-1] == "." and _goes_on(said) else " "
    return ""


def _goes_on(said: str) -> bool:
    """Whether a mark may stand inside a number or a name: 8:45, 1,000, example.org."""
    return said[-2:-1].isdecimal() or (said[-2:-1].isascii() and said[-2:-1].isalnum())
