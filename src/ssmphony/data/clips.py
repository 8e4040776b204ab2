"""Audio files of a corpus: the one place where preparation opens and writes them."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from ssmphony.types import Samples

DECODED_BY_PYAV = (
    *(".m4a", ".m4b", ".aac", ".webm", ".mp4", ".m4v", ".mov", ".mkv", ".mka", ".wma", ".wmv", ".amr", ".3gp", ".3g2"),
    *(".avi", ".mpg", ".mpeg", ".flv", ".ac3", ".spx", ".ape", ".wv", ".tta"),
)
"""Endings of formats that libsndfile does not know and FFmpeg does, which the package ``av`` brings."""

_DEMUXERS = (
    "mov,aac,matroska,webm,asf,amr,wav,flac,mp3,ogg,aiff,caf,w64"  # none that opens other files, as playlists do
)
_BLOCK = 1 << 16  # frames
_LONGEST_S = 6 * 3600.0
_RATES = range(4_000, 768_001)  # Hz
_WAV_SIZE = re.compile(r"^ *data *: (\d+) \(should be (\d+)\)", re.MULTILINE)  # libsndfile's note on a wrong header
_UNKNOWN_SIZE = 0x7FFF_0000  # larger ones are what writers of streams put there


class Rejected(Exception):
    """A clip that cannot be used. The message is the reason written to ``rejected.jsonl``."""


class Unreadable(Rejected):
    """A file that cannot be read here and now: another run tries it again, even if it was not changed."""


def read_clip(path: Path) -> tuple[Samples, int]:
    """The channel of a file in which there is most sound, (n,) float32, and its rate in Hz.

    What libsndfile cannot read is read with PyAV, where that is installed. Raises `Unreadable` when nothing can be
    read, and `Rejected` for hours of sound, for a rate that no recorder has, and for samples that are not numbers.
    """
    try:
        samples, rate = _read(path)
    except OSError as error:
        raise Unreadable(f"unreadable: {(error.strerror or str(error)).lower()}") from None
    except MemoryError:
        raise Unreadable("unreadable: more than the memory holds") from None
    channel = np.ascontiguousarray(samples[:, _loudest(samples)], np.float32)
    if not np.isfinite(channel).all():
        raise Rejected("holds samples that are not numbers")
    return channel, rate


def _read(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Samples (n, channels) and the rate; raises OSError, MemoryError and `Rejected`."""
    if path.is_dir():
        raise Unreadable("unreadable: it is a folder")
    if path.exists() and not path.is_file():
        raise Unreadable("unreadable: not a regular file")
    if path.stat().st_size == 0:
        raise Unreadable("unreadable: the file is empty")
    if path.suffix.lower() in DECODED_BY_PYAV:
        if not _av():
            raise Unreadable(f"unreadable: {path.suffix.lower()} files need PyAV: pip install av")
        return _with_pyav(path)
    try:
        samples, rate = _with_libsndfile(path)
    except (soundfile.SoundFileError, ValueError) as error:
        if _av():
            with suppress(Unreadable):
                return _with_pyav(path)
        reason = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
        hint = "" if _av() else "; PyAV reads more: pip install av"
        raise Unreadable(f"unreadable: {reason.rstrip('.')}{hint}") from None
    if not len(samples) and _av():
        with suppress(Unreadable):
            return _with_pyav(path)  # the header of a stream may say that there is nothing
    return samples, rate


def _with_libsndfile(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """In blocks: the length in the header of a file may be none, or anything."""
    with path.open("rb") as file, soundfile.SoundFile(file.fileno(), closefd=False) as sound:
        samples, rate = _gather(_blocks(sound), sound.samplerate, sound.channels), int(sound.samplerate)
        note = _WAV_SIZE.search(sound.extra_info)
        declared, there = (int(size) for size in note.groups()) if note else (sound.frames, len(samples))
        exact = note is not None or sound.format == "FLAC"  # of MP3 without a table the length is a guess
    if exact and 0 < there < 0.9 * declared and declared < _UNKNOWN_SIZE:
        raise Unreadable(f"unreadable: cut off after {there / declared:.0%} of what its header declares")
    return samples, rate


def _blocks(sound: soundfile.SoundFile) -> Iterator[npt.NDArray[np.float32]]:
    while len(block := np.asarray(sound.read(_BLOCK, dtype="float32", always_2d=True), np.float32)):
        yield block


def _with_pyav(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    av = _av()
    try:
        with path.open("rb") as file, av.open(file, options={"format_whitelist": _DEMUXERS}) as container:
            if not container.streams.audio:
                raise Unreadable("unreadable: there is no sound in it")
            stream = container.streams.audio[0]
            rate, channels = int(stream.rate), int(stream.layout.nb_channels)
            if rate <= 0 or channels <= 0:
                raise Unreadable("unreadable: there is no sound in it")
            resampler = av.AudioResampler(format="flt", layout=stream.layout, rate=rate)
            frames = chain(container.decode(stream), (None,))  # the last empties the resampler
            decoded = (part for frame in frames for part in resampler.resample(frame))
            return _gather((part.to_ndarray().reshape(-1, channels) for part in decoded), rate, channels), rate
    except av.FFmpegError as error:
        raise Unreadable(f"unreadable: {str(error.strerror or error).lower()}") from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # streams of unknown codecs have no rate
        raise Unreadable(f"unreadable: {error}") from None


def _gather(blocks: Iterator[npt.NDArray[np.float32]], rate: int, channels: int) -> npt.NDArray[np.float32]:
    """All blocks as one, (n, channels); raises `Rejected` for hours of sound and for impossible rates."""
    if rate not in _RATES:
        raise Rejected(f"sample rate of {rate} Hz")
    parts: list[npt.NDArray[np.float32]] = []
    frames = 0
    for block in blocks:
        parts.append(block)
        frames += len(block)
        if frames > _LONGEST_S * rate:
            raise Rejected(f"longer than {_LONGEST_S / 3600:g} hours: split it")
    return np.concatenate(parts) if parts else np.zeros((0, max(channels, 1)), np.float32)


def _loudest(samples: npt.NDArray[np.float32]) -> int:
    """The channel with most power, a constant apart; of equal ones the first. One that has numbers, if there is one."""
    if samples.shape[1] == 1 or not len(samples):
        return 0
    power = np.array([channel.var(dtype=np.float64) for channel in samples.T])
    return int(np.argmax(np.where(np.isfinite(power), power, -1.0)))


def _av() -> Any:
    """PyAV, or None."""
    try:
        return importlib.import_module("av")
    except ImportError:
        return None


def write_clip(path: Path, samples: Samples, rate: int) -> None:
    """Write 16-bit FLAC; a reader sees the whole file or none. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        soundfile.write(partial, samples, rate, format="FLAC", subtype="PCM_16")
    except (soundfile.SoundFileError, AssertionError) as error:  # soundfile asserts that all was written
        raise OSError(f"{path.name}: {error}") from None
    os.replace(partial, path)


def write_array(path: Path, array: npt.NDArray[np.generic]) -> None:
    """Write an ``.npy`` file; a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        np.save(file, array)
    os.replace(partial, path)
