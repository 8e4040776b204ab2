"""Audiobooks: one compressed sound with chapters, a cover and metadata, through PyAV."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from ssmphony.audio.encoding import require_pyav
from ssmphony.audio.pcm import pcm16
from ssmphony.audio.tags import COMMENT
from ssmphony.types import Samples, SsmphonyError


class _Kind(NamedTuple):
    container: str
    codec: str
    bit_rate: int
    options: dict[str, str]
    tags: dict[str, str]


_MP4 = {"movflags": "+faststart"}
_AUDIOBOOK = {"media_type": "2", "genre": "Audiobook"}
_KINDS = {
    ".m4b": _Kind("mp4", "aac", 64_000, {**_MP4, "brand": "M4B "}, _AUDIOBOOK),
    ".m4a": _Kind("mp4", "aac", 64_000, {**_MP4, "brand": "M4A "}, _AUDIOBOOK),
    ".mp3": _Kind("mp3", "libmp3lame", 64_000, {"id3v2_version": "3"}, {"genre": "Audiobook"}),
}
CHAPTERED = tuple(_KINDS)
"""Endings of the names of audiobooks."""
_DEMUXERS = {"jpeg": "jpeg_pipe", "png": "png_pipe"}
_WIDEST = 10_000  # pixels


class ChapterMark(NamedTuple):
    """A chapter: its samples, half open."""

    title: str
    start: int
    stop: int


def require_chapters(suffix: str) -> None:
    """Raise `SsmphonyError` where PyAV is missing, or too old to write chapters and covers."""
    require_pyav(suffix)
    from av.container.output import OutputContainer

    if not hasattr(OutputContainer, "set_chapters"):
        raise SsmphonyError(f"{suffix} with chapters needs a newer PyAV: pip install --upgrade av")


def check_cover(data: bytes, kind: str) -> None:
    """Raise `SsmphonyError` for a picture whose header cannot be read, or says that it is larger than any cover."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(io.BytesIO(data), format=_DEMUXERS[kind]) as picture:
            stream = picture.streams.video[0]
            fits = 0 < stream.width <= _WIDEST and 0 < stream.height <= _WIDEST
    except (FFmpegError, IndexError, ValueError):
        fits = False
    if not fits:
        raise SsmphonyError("the cover cannot be read: give another with --cover")


class ChapteredWriter:
    """Write an audiobook of mono sound at ``path``; the chapters are known before the sound.

    Use it in a ``with`` block. Raises `OSError` where the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        sample_rate: int,
        chapters: Sequence[ChapterMark],
        tags: Mapping[str, str],
        cover: tuple[bytes, str] | None = None,
        language: str = "und",
    ) -> None:
        """``cover``: contents and kind, ``jpeg`` or ``png``, as `check_cover` takes them; ``language``: ISO 639-2."""
        import av

        kind = _KINDS[path.suffix.lower()]
        self._av: Any = av
        self._rate, self._written = sample_rate, 0
        self._container: Any = av.open(f"file:{path}", "w", format=kind.container, container_options=kind.options)
        try:
            self._container.metadata.update({"comment": COMMENT, **tags, **kind.tags})
            self._stream = self._container.add_stream(kind.codec, rate=sample_rate)
            self._stream.layout, self._stream.bit_rate = "mono", kind.bit_rate
            self._stream.metadata["language"] = language
            time_base = Fraction(1, sample_rate)
            self._container.set_chapters(
                [
                    {"id": number, "start": start, "end": stop, "time_base": time_base, "metadata": {"title": title}}
                    for number, (title, start, stop) in enumerate(chapters, start=1)
                ]
            )
            if cover is not None:
                self._add_cover(*cover)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> ChapteredWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def write(self, samples: Samples) -> None:
        """Append samples (n,) in [-1, 1]."""
        frame = self._av.AudioFrame.from_ndarray(
            np.frombuffer(pcm16(samples), "<i2")[None], format="s16", layout="mono"
        )
        frame.sample_rate, frame.pts = self._rate, self._written
        self._written += len(samples)
        self._container.mux(self._stream.encode(frame))

    def _add_cover(self, data: bytes, kind: str) -> None:
        with self._av.open(io.BytesIO(data), format=_DEMUXERS[kind]) as picture:
            stream = self._container.add_stream_from_template(picture.streams.video[0])
        stream.disposition = self._av.stream.Disposition.attached_pic
        packet = self._av.Packet(data)
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = stream, 0, 0, True
        self._container.mux(packet)
