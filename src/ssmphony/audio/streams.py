"""Audio into standard output, a pipe or a socket: places where nothing that was written can be changed."""

from __future__ import annotations

import os
import stat
import tempfile
from types import TracebackType
from typing import BinaryIO, Literal, get_args

from ssmphony.audio.encoding import PLAIN, Encoder, has_pyav, make_encoder, require_pyav
from ssmphony.audio.sndfile import SNDFILE, SndfileEncoder
from ssmphony.types import Samples

StreamFormat = Literal["wav", "flac", "ogg", "opus", "mp3", "aac", "pcm"]
STREAMED: tuple[StreamFormat, ...] = get_args(StreamFormat)
"""``aac`` needs PyAV."""


class StreamWriter:
    """Write mono audio into a binary file, in one of the formats `STREAMED`, as it is made.

    The length in a WAV header is marked as unknown, except where ``file`` turns out to be an ordinary file that is
    still empty (``ssmphony say … -o - > out.wav``). Readers need the length of FLAC, which leaves as a whole, at the
    end. Use it in a ``with`` block. Raises the `OSError` of ``file``.
    """

    def __init__(self, file: BinaryIO, name: StreamFormat, sample_rate: int) -> None:
        self._file = file
        self._on_disk = f".{name}" in SNDFILE and _is_empty_file(file)
        if self._on_disk:
            self._encoder: Encoder = SndfileEncoder(f".{name}", sample_rate, file.fileno())
        else:
            self._encoder = _encoder(name, sample_rate)

    def __enter__(self) -> StreamWriter:
        return self

    def write(self, samples: Samples) -> None:
        """Append samples (n,) in [-1, 1]; louder ones are clipped."""
        self._send(self._encoder.encode(samples))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or self._on_disk:  # a file that is broken off has its true length, too
            self._send(self._encoder.finish())

    def _send(self, data: bytes) -> None:
        if data:
            self._file.write(data)
            self._file.flush()


def _encoder(name: StreamFormat, sample_rate: int) -> Encoder:
    if name == "ogg" or name == "opus":
        return SndfileEncoder(f".{name}", sample_rate)
    if name == "flac" or (name == "mp3" and not has_pyav()):  # libsndfile's MP3 begins with the number of its frames
        return _AtTheEnd(name, sample_rate)
    if name not in PLAIN:
        require_pyav(name)
    return make_encoder(name, sample_rate)


class _AtTheEnd:
    """Encodes into a temporary file, which `finish` returns."""

    def __init__(self, name: str, sample_rate: int) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._encoder = SndfileEncoder(f".{name}", sample_rate, self._file.fileno())

    def encode(self, samples: Samples) -> bytes:
        return self._encoder.encode(samples)

    def finish(self) -> bytes:
        self._encoder.finish()
        with self._file as file:
            file.seek(0)
            return file.read()


def _is_empty_file(file: BinaryIO) -> bool:
    """Whether its beginning can be rewritten: a file on a disk, still empty and not opened for appending (``>>``)."""
    try:
        descriptor = file.fileno()
        mode = os.fstat(descriptor)
        if not stat.S_ISREG(mode.st_mode) or mode.st_size or os.lseek(descriptor, 0, os.SEEK_CUR):
            return False
        import fcntl  # not on Windows
    except (ImportError, OSError, ValueError):
        return False
    return not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND
