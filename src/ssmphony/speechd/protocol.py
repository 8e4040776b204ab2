"""The pipes between Speech Dispatcher and a module: lines in, replies and events out.

The protocol is that of Speech Dispatcher 0.11 ("Communication Protocol for Output Modules" in its manual), the first
version that plays the sound itself.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import BinaryIO

from ssmphony.audio.pcm import pcm16
from ssmphony.types import Samples

MAX_CHARACTERS = 1_000_000
"""Of one message; what is longer is read and dropped."""
EVENT_S = 0.1
"""Seconds of sound in one event, at most: a stop waits until the event that is being written is out."""
_ESCAPE = 0x7D
_ESCAPED = {bytes([byte]): bytes([_ESCAPE, byte ^ 0x20]) for byte in (_ESCAPE, 0x0A)}  # the escape itself comes first


class Connection:
    """Both pipes. Everything that is written at once arrives together, from whatever thread it is written."""

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self.lock = threading.RLock()

    def commands(self) -> Iterator[str]:
        """The lines that come, until the dispatcher closes the pipe."""
        while line := self._source.readline():
            yield line.decode("utf-8", "replace").rstrip("\r\n")

    def block(self) -> list[str] | None:
        """The lines up to a single dot, which ends a text or settings; None where they are too long to be spoken.

        Raises:
            EOFError: The pipe ended before the dot.
        """
        lines: list[str] = []
        length = 0
        for line in self.commands():
            if line == ".":
                return lines if length <= MAX_CHARACTERS else None
            length += len(line) + 1
            if length <= MAX_CHARACTERS:
                lines.append(line[1:] if line.startswith(".") else line)
        raise EOFError

    def send(self, *lines: str) -> None:
        """Raises `OSError` when nobody reads any more."""
        self._write("".join(f"{line}\n" for line in lines).encode())

    def send_mark(self, name: str) -> None:
        shown = " ".join(name.split())
        self.send(f"700-{shown}", "700 INDEX MARK")

    def send_audio(self, samples: Samples, sample_rate: int) -> None:
        """Samples (n,) in [-1, 1], as one event."""
        header = (
            f"705-bits=16\n705-num_channels=1\n705-sample_rate={sample_rate}\n"
            f"705-num_samples={len(samples)}\n705-big_endian=0\n705-AUDIO"
        )
        self._write(header.encode() + b"\0" + escape(pcm16(samples)) + b"\n705 AUDIO\n")

    def _write(self, data: bytes) -> None:
        with self.lock:
            self._sink.write(data)
            self._sink.flush()


def escape(data: bytes) -> bytes:
    r"""Bytes without a line feed, as HDLC escapes them: 0x7D, and then the byte with its sixth bit inverted.

    >>> escape(b"a\n}")
    b'a}*}]'
    """
    for byte, escaped in _ESCAPED.items():
        data = data.replace(byte, escaped)
    return data
