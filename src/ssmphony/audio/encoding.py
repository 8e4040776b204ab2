"""Samples to bytes, as they are made: the formats that OpenAI's speech endpoint knows.

mp3, opus, aac and flac are encoded by FFmpeg's libraries through PyAV.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, get_args

import numpy as np

from ssmphony.audio.pcm import pcm16
from ssmphony.types import Samples, SsmphonyError

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
PLAIN: frozenset[Format] = frozenset(("pcm", "wav"))
"""What needs no encoder."""
_UNKNOWN = 0xFFFFFFFF


class Encoder(Protocol):
    """One sound, from its first sample to its last."""

    def encode(self, samples: Samples) -> bytes:
        """What can be sent once these samples (n,) are known; may be empty."""
        ...

    def finish(self) -> bytes:
        """What is still missing behind the last samples."""
        ...


def make_encoder(name: Format, sample_rate: int) -> Encoder:
    if name in PLAIN:
        return Plain(wav_header(sample_rate) if name == "wav" else b"")
    return Compressed(_CODECS[name], sample_rate)


def wav_header(sample_rate: int) -> bytes:
    """Of a mono 16-bit file whose length nobody knows yet: both lengths are the largest there is, as FFmpeg does."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return b"RIFF" + struct.pack("<I", _UNKNOWN) + b"WAVEfmt " + form + b"data" + struct.pack("<I", _UNKNOWN)


class Plain:
    """16-bit samples, behind a header if there is one."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def encode(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + pcm16(samples)

    def finish(self) -> bytes:
        return b""


class _Codec(NamedTuple):
    container: str
    codec: str
    bit_rate: int | None
    options: dict[str, str]
    rates: tuple[int, ...] = ()
    """Sample rates that it takes; the last is what others become. Empty where it takes all."""


_CODECS: dict[Format, _Codec] = {
    "mp3": _Codec(
        "mp3",
        "libmp3lame",
        64_000,
        {"write_xing": "0", "id3v2_version": "0"},  # both would be written when the end is known
        (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ),
    # a page of Ogg holds a second unless told otherwise: 100 ms
    "opus": _Codec("ogg", "libopus", 48_000, {"page_duration": "100000"}, (8000, 12000, 16000, 24000, 48000)),
    "aac": _Codec("adts", "aac", 64_000, {}, (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
    "flac": _Codec("flac", "flac", None, {}),
}
_IN_FILES = {".aac": _CODECS["aac"], ".m4a": _CODECS["aac"]._replace(container="ipod")}
FILE_SUFFIXES = tuple(_IN_FILES)
"""Endings of the files that `open_file` writes; they need PyAV."""


def open_file(path: Path, suffix: str, sample_rate: int) -> Compressed:
    """An encoder into the file at ``path``; what its methods return is empty. Raises `OSError` as they do.

    Raises `SsmphonyError` where PyAV is missing.
    """
    require_pyav(suffix)
    return Compressed(_IN_FILES[suffix], sample_rate, path)


def has_pyav() -> bool:
    return find_spec("av") is not None


def require_pyav(name: str) -> None:
    """Raise `SsmphonyError` where PyAV, which the format ``name`` needs, is missing."""
    if not has_pyav():
        raise SsmphonyError(f"{name} needs PyAV: pip install av, or choose another format")


class Compressed:
    """Encoded by FFmpeg into a container that is never sought in, or into the file at ``path``."""

    def __init__(self, codec: _Codec, sample_rate: int, path: Path | None = None) -> None:
        import av

        self._sink = _Sink()
        self._rate = sample_rate
        self._written = 0
        rate = sample_rate if not codec.rates or sample_rate in codec.rates else codec.rates[-1]
        target = self._sink if path is None else f"file:{path}"
        self._container = av.open(target, "w", format=codec.container, container_options=codec.options)
        self._stream: Any = self._container.add_stream(codec.codec, rate=rate)
        self._stream.layout = "mono"
        if codec.bit_rate is not None:
            self._stream.bit_rate = codec.bit_rate
        self._make_frame: Callable[..., Any] = av.AudioFrame.from_ndarray

    def encode(self, samples: Samples) -> bytes:
        if len(samples):
            pcm = np.frombuffer(pcm16(samples), "<i2")[None]
            frame = self._make_frame(pcm, format="s16", layout="mono")
            frame.sample_rate, frame.pts = self._rate, self._written
            self._written += len(samples)
            self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def finish(self) -> bytes:
        if self._written:
            self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.take()


class _Sink:
    """A file that can only be written to, so that no muxer tries to go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data
