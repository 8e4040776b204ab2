"""Samples to bytes, as they are made: the formats of OpenAI's speech endpoint, and G.711 for telephones.

FFmpeg's libraries, through PyAV, encode all but pcm and wav, and resample what is to have another sample rate.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, get_args

import numpy as np

from ssmphony.audio.pcm import pcm16
from ssmphony.audio.tags import COMMENT, SOFTWARE, wav_info
from ssmphony.types import Samples, SsmphonyError

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm", "g711_ulaw", "g711_alaw"]
FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
    "g711_ulaw": "audio/PCMU",
    "g711_alaw": "audio/PCMA",
}
SampleRate = Literal[8000, 16000, 22050, 24000, 44100, 48000]
SAMPLE_RATES: tuple[int, ...] = get_args(SampleRate)
"""What can be asked for, in Hz."""
PLAIN: frozenset[Format] = frozenset(("pcm", "wav"))
"""What needs no encoder."""
_UNKNOWN = 0xFFFFFFFF


def output_rate(name: Format, native: int, asked: int | None = None) -> int:
    """The sample rate of an encoded sound: the one ``asked`` for, or else the ``native`` one if the format has it.

    Raises `SsmphonyError` where the format does not have the rate that is asked for.
    """
    if name in PLAIN:
        return asked or native
    codec = _CODECS[name]
    if asked is not None and codec.nearest(asked) != asked:
        known = ", ".join(str(rate) for rate in codec.rates if rate in SAMPLE_RATES)
        raise SsmphonyError(f"{name} has no sample rate of {asked} Hz; it has {known}")
    return asked or codec.nearest(native)


class Encoder(Protocol):
    """One sound, from its first sample to its last."""

    def encode(self, samples: Samples) -> bytes:
        """What can be sent once these samples (n,) are known; may be empty."""
        ...

    def finish(self) -> bytes:
        """What is still missing after the last samples."""
        ...


def make_encoder(name: Format, sample_rate: int, rate: int | None = None, *, whole: bool = False) -> Encoder:
    """An encoder of samples at ``sample_rate`` Hz, to sound at ``rate`` Hz or else at what `output_rate` says.

    With ``whole``, the header has the true length: compressed data comes all at the end, and the header of wav, which
    `wav_header` makes, is left out.
    """
    rate = output_rate(name, sample_rate, rate)
    if name not in PLAIN:
        return Compressed(_CODECS[name], sample_rate, rate, whole=whole)
    header = wav_header(rate) if name == "wav" and not whole else b""
    return Plain(header, None if rate == sample_rate else Resampler(sample_rate, rate))


def wav_header(sample_rate: int, size: int | None = None) -> bytes:
    """Of a mono 16-bit file with ``size`` bytes of samples, which says that they are synthetic.

    Where nobody knows the size yet, or it is too large for the format, both lengths are the largest there is, as
    FFmpeg does.
    """
    form = struct.pack("<IHHIIHH", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    info = wav_info()
    before = 36 + len(info)
    known = size is not None and size <= _UNKNOWN - before
    riff, data = (size + before, size) if size is not None and known else (_UNKNOWN, _UNKNOWN)
    return b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt " + form + info + b"data" + struct.pack("<I", data)


class Resampler:
    """16-bit samples at another rate, piece by piece."""

    def __init__(self, rate: int, target_rate: int) -> None:
        import av

        self._rate = rate
        self._resampler: Any = av.AudioResampler("s16", "mono", target_rate)
        self._make_frame: Callable[..., Any] = av.AudioFrame.from_ndarray

    def convert(self, pcm: bytes) -> bytes:
        """What can be known so far of the sound at the other rate."""
        if not pcm:
            return b""
        frame = self._make_frame(np.frombuffer(pcm, "<i2")[None], format="s16", layout="mono")
        frame.sample_rate = self._rate
        return self._bytes(frame)

    def finish(self) -> bytes:
        return self._bytes(None)

    def _bytes(self, frame: Any) -> bytes:
        return b"".join(part.to_ndarray().astype("<i2").tobytes() for part in self._resampler.resample(frame))


class Plain:
    """16-bit samples, after a header if there is one."""

    def __init__(self, header: bytes, resampler: Resampler | None = None) -> None:
        self._header, self._resampler = header, resampler

    def encode(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        pcm = pcm16(samples)
        return header + (pcm if self._resampler is None else self._resampler.convert(pcm))

    def finish(self) -> bytes:
        return b"" if self._resampler is None else self._resampler.finish()


class _Codec(NamedTuple):
    container: str
    codec: str
    bit_rate: int | None
    options: dict[str, str]
    """For a file that is sent before its end is known."""
    rates: tuple[int, ...] = ()
    """Sample rates that it takes; the last is what others become. Empty where it takes all."""

    def nearest(self, rate: int) -> int:
        """``rate`` where it is one of `rates`, and what it becomes otherwise."""
        return rate if not self.rates or rate in self.rates else self.rates[-1]


_CODECS: dict[Format, _Codec] = {
    "mp3": _Codec(
        "mp3",
        "libmp3lame",
        64_000,
        {"write_xing": "0"},  # it is written when the end is known
        (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000),
    ),
    # a page of Ogg holds a second by default: 100 ms
    "opus": _Codec("ogg", "libopus", 48_000, {"page_duration": "100000"}, (8000, 12000, 16000, 24000, 48000)),
    "aac": _Codec("adts", "aac", 64_000, {}, (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)),
    "flac": _Codec("flac", "flac", None, {}),
    "g711_ulaw": _Codec("mulaw", "pcm_mulaw", None, {}, (8000,)),
    "g711_alaw": _Codec("alaw", "pcm_alaw", None, {}, (8000,)),
}
_IN_FILES = {".aac": _CODECS["aac"], ".m4a": _CODECS["aac"]._replace(container="ipod")}
FILE_SUFFIXES = tuple(_IN_FILES)
"""Endings of the files that `open_file` writes; they need PyAV."""


def open_file(path: Path, suffix: str, sample_rate: int) -> Compressed:
    """An encoder into the file at ``path``; what its methods return is empty. Raises `OSError` as they do.

    Raises `SsmphonyError` where PyAV is missing.
    """
    require_pyav(suffix)
    codec = _IN_FILES[suffix]
    return Compressed(codec, sample_rate, codec.nearest(sample_rate), path=path)


def has_pyav() -> bool:
    return find_spec("av") is not None


def require_pyav(name: str) -> None:
    """Raise `SsmphonyError` where PyAV, which the format ``name`` needs, is missing."""
    if not has_pyav():
        raise SsmphonyError(f"{name} needs PyAV: pip install av, or choose another format")


class Compressed:
    """Encoded by FFmpeg into the file at ``path``, or into memory.

    A file in memory that is ``whole`` is given away at its end; another is never sought in.
    """

    def __init__(
        self, codec: _Codec, sample_rate: int, rate: int, *, whole: bool = False, path: Path | None = None
    ) -> None:
        import av

        self._sink = _Whole() if whole else _Sink()
        self._rate = sample_rate
        self._written = 0
        target = self._sink if path is None else f"file:{path}"
        options = {} if whole else codec.options
        self._container = av.open(target, "w", format=codec.container, container_options=options)
        self._stream: Any = self._container.add_stream(codec.codec, rate=rate)
        self._stream.layout = "mono"
        for metadata in (self._container.metadata, self._stream.metadata):  # Ogg has those of the stream alone
            metadata.update(comment=COMMENT, encoded_by=SOFTWARE)
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
        return self._sink.take(end=True)


class _Sink:
    """A file that can only be written to, so that no muxer tries to go back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self, *, end: bool = False) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class _Whole(io.BytesIO):
    """A file that is given away at its end."""

    def take(self, *, end: bool = False) -> bytes:
        return self.getvalue() if end else b""
