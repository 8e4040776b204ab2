"""Audio files in and out. A file appears at its path whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from ssmphony.types import Samples, SsmphonyError

FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
"""By the ending of the file's name: format and subtype of libsndfile."""

_PIECE = 1 << 16  # samples a call: libsndfile's Vorbis encoder takes its work memory from the stack
_RESERVE = 1 << 17  # bytes: more than an encoder holds back until its file is closed


def read_audio(path: Path) -> tuple[Samples, int]:
    """Samples (n,), all channels averaged, in [-1, 1], and the rate in Hz; raises `SsmphonyError`."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except OSError as error:
        raise SsmphonyError(f"cannot read {path}: {error.strerror or error}") from None
    except soundfile.LibsndfileError as error:
        if not path.exists():
            raise SsmphonyError(f"cannot read {path}: no such file") from None
        raise SsmphonyError(f"cannot read {path}: not an audio file ({error.error_string.rstrip('.')})") from None
    return np.ascontiguousarray(samples.mean(axis=1)), int(rate)


class PartialFile:
    """A file beside its target that takes the target's place when the ``with`` block ends without an error.

    On any error, Ctrl-C included, it is removed and the target stays as it was. Raises `SsmphonyError` when the
    target cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = -1
        self._target = Path(os.path.realpath(path))
        self._partial = self._target.with_name(f".ssmphony-{secrets.token_hex(4)}.part")

    def __enter__(self) -> PartialFile:
        with self.errors():
            if self._target.is_dir():
                raise SsmphonyError(f"cannot write {self.path}: it is a folder")
            if self._target.exists() and not self._target.is_file():
                raise SsmphonyError(f"cannot write {self.path}: it is not a regular file")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with self.errors():
            self.descriptor = os.open(self._partial, flags, 0o666)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with self.errors():
                    os.fsync(self.descriptor)  # some file systems say only now that they are full
            os.close(self.descriptor)
            if kind is None:
                with self.errors():
                    os.replace(self._partial, self._target)
        finally:
            self._partial.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        with self.errors():
            while data:
                data = data[os.write(self.descriptor, data) :]

    def require(self, count: int) -> None:
        """Raise `SsmphonyError` unless ``count`` more bytes fit on the disk. Contents and position stay."""
        position = os.lseek(self.descriptor, 0, os.SEEK_CUR)
        end = os.lseek(self.descriptor, 0, os.SEEK_END)
        try:
            self.write(bytes(count))
        finally:
            os.ftruncate(self.descriptor, end)
            os.lseek(self.descriptor, position, os.SEEK_SET)

    @contextmanager
    def errors(self) -> Generator[None, None, None]:
        """Turn the system's errors into one line that names the target."""
        try:
            yield
        except OSError as error:
            raise SsmphonyError(f"cannot write {self.path}: {(error.strerror or str(error)).lower()}") from None


class AudioWriter:
    """Write mono audio as it is made: 16-bit WAV or FLAC, Ogg Vorbis or MP3 by the ending of the path.

    Use it in a ``with`` block; see `PartialFile` for what happens on errors.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        if path.suffix.lower() not in FORMATS:
            raise SsmphonyError(f"cannot write {path}: its name must end in {', '.join(FORMATS)}")
        self._file = PartialFile(path)
        self._sample_rate = sample_rate
        self._encoder: soundfile.SoundFile | None = None

    def __enter__(self) -> AudioWriter:
        name, subtype = FORMATS[self._file.path.suffix.lower()]
        self._file.__enter__()
        try:
            self._file.require(_RESERVE)  # libsndfile would only say "System error."
            # a descriptor, not a Python file: an exception (Ctrl-C!) inside libsndfile's callbacks would be lost
            self._encoder = soundfile.SoundFile(
                self._file.descriptor, "w", self._sample_rate, 1, subtype=subtype, format=name, closefd=False
            )
        except BaseException as error:
            self._file.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._encoder is not None
        try:
            if kind is None:
                self._file.require(_RESERVE)  # what close() writes fails silently
            self._encoder.close()
        except BaseException as failure:
            kind, error, trace = type(failure), failure, failure.__traceback__
            raise
        finally:
            self._file.__exit__(kind, error, trace)

    def write(self, samples: Samples) -> None:
        """Append samples (n,) in [-1, 1]; louder ones are clipped."""
        assert self._encoder is not None, "write inside the with block"
        for first in range(0, len(samples), _PIECE):
            try:
                self._encoder.write(samples[first : first + _PIECE])
            except (soundfile.LibsndfileError, AssertionError) as error:  # soundfile asserts that all was written
                self._file.require(_RESERVE)  # names the reason, which libsndfile does not
                raise SsmphonyError(f"cannot write {self._file.path}: {str(error) or 'write error'}") from None
