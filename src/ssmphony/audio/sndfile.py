"""Sound encoded by libsndfile, into a file or piece by piece into bytes."""

from __future__ import annotations

import os
from typing import Any

import soundfile

from ssmphony.audio.tags import COMMENT, SOFTWARE
from ssmphony.types import Samples, SsmphonyError

SNDFILE = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
    ".opus": ("OGG", "OPUS"),
    ".pcm": ("RAW", "PCM_16"),
}
"""By the ending of a file's name: format and subtype of libsndfile."""
_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_PIECE = 1 << 16  # samples a call: libsndfile's Vorbis encoder takes its work memory from the stack


class SndfileEncoder:
    """One mono sound of ``sample_rate`` Hz in the format of ``suffix``; see `ssmphony.audio.encoding.Encoder`.

    With a ``descriptor``, everything goes into that file, which stays open, and the methods return nothing. Without
    one they return bytes, which suits Ogg alone: the headers of the other formats hold lengths. Raises `SsmphonyError`
    for a rate that the format does not have.
    """

    def __init__(self, suffix: str, sample_rate: int, descriptor: int | None = None, *, synthetic: bool = True) -> None:
        name, subtype = SNDFILE[suffix]
        if subtype == "OPUS" and sample_rate not in _OPUS_RATES:
            raise SsmphonyError(f"Opus does not support a sample rate of {sample_rate} Hz: choose another format")
        self._sink = _Sink()
        target: Any = self._sink if descriptor is None else descriptor
        try:
            self._file = soundfile.SoundFile(
                target,
                "w",
                sample_rate,
                1,
                subtype=subtype,
                endian="LITTLE" if name == "RAW" else "FILE",
                format=name,
                closefd=False,
            )
            if synthetic and name != "RAW":
                self._file.comment, self._file.software = COMMENT, SOFTWARE
        except soundfile.LibsndfileError as error:  # an older libsndfile, as some systems bring
            raise SsmphonyError(f"libsndfile cannot write {suffix}: {error.error_string}") from None

    def encode(self, samples: Samples) -> bytes:
        """Append samples (n,) in [-1, 1]; louder ones are clipped. Raises `OSError` where not all was written."""
        for first in range(0, len(samples), _PIECE):
            try:
                self._file.write(samples[first : first + _PIECE])
            except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts that all was written
                raise OSError(str(error) or "write error") from None
        return self._sink.take()

    def finish(self) -> bytes:
        """Errors of the last bytes are lost: libsndfile does not report them."""
        self._file.close()
        return self._sink.take()


class _Sink:
    """A file object for libsndfile that keeps what is appended, and ignores what would change bytes before."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._place = self._end = 0

    def write(self, data: bytes) -> int:
        if self._place == self._end:
            self._parts.append(bytes(data))
            self._end += len(data)
        self._place += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._end}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, count: int = -1) -> bytes:
        return b""

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data
