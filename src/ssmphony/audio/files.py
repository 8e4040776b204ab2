"""Audio files in and out. A file appears at its path whole, or not at all."""

from __future__ import annotations

import os
import secrets
import weakref
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from ssmphony.audio.encoding import FILE_SUFFIXES, Encoder, open_file
from ssmphony.audio.sndfile import SNDFILE, SndfileEncoder
from ssmphony.types import Samples, SsmphonyError

FORMATS = (*SNDFILE, *FILE_SUFFIXES)
"""Endings of the names of files that `AudioWriter` writes; ``.m4a`` and ``.aac`` need PyAV."""
_RESERVE = 1 << 17  # bytes: more than an encoder holds back until its file is closed


def read_audio(path: Path) -> tuple[Samples, int]:
    """Samples (n,), all channels averaged, in [-1, 1], and the rate in Hz; raises `SsmphonyError`."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except OSError as error:
        raise SsmphonyError(f"cannot read {path}: {error.strerror or error}") from None
    except soundfile.LibsndfileError:  # its reasons mislead: of a damaged MP3 it says that there is no file
        if not path.exists():
            raise SsmphonyError(f"cannot read {path}: no such file") from None
        if path.is_dir():
            raise SsmphonyError(f"cannot read {path}: is a directory") from None
        raise SsmphonyError(
            f"cannot read {path}: not an audio file of a known format, or damaged; convert it to WAV or FLAC"
        ) from None
    return np.ascontiguousarray(samples.mean(axis=1)), int(rate)


def _remove(path: Path) -> None:
    with suppress(OSError):  # it may not be there, nor its folder
        path.unlink()


class PartialFile:
    """A file next to its target that takes the target's place when the ``with`` block ends without an error.

    On any error, Ctrl-C included, it is removed and the target stays as it was. Raises `SsmphonyError` when the
    target cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.descriptor = -1
        self._target = Path(os.path.realpath(path))
        self.partial = self._target.with_name(f".ssmphony-{secrets.token_hex(4)}.part")
        # Ctrl-C may come after the file is made and before the ``with`` block begins, when ``__exit__`` is not called
        self._remove = weakref.finalize(self, _remove, self.partial)

    def __enter__(self) -> PartialFile:
        with self.errors():
            if self._target.is_dir():
                raise SsmphonyError(f"cannot write {self.path}: it is a folder")
            if self._target.exists() and not self._target.is_file():
                raise SsmphonyError(f"cannot write {self.path}: it is not a regular file")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with self.errors():
            self.descriptor = os.open(self.partial, flags, 0o666)
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
                    os.replace(self.partial, self._target)
        finally:
            self._remove()

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
    """Write mono audio as it is made; the ending of the path, one of `FORMATS`, chooses how.

    The metadata says that it is synthetic, except where ``synthetic`` is false and libsndfile writes it.

    Use it in a ``with`` block; see `PartialFile` for what happens on errors.
    """

    def __init__(self, path: Path, sample_rate: int, *, synthetic: bool = True) -> None:
        self._suffix = path.suffix.lower()
        if self._suffix not in FORMATS:
            raise SsmphonyError(f"cannot write {path}: its name must end in {', '.join(FORMATS)}")
        self._file = PartialFile(path)
        self._sample_rate = sample_rate
        self._synthetic = synthetic
        self._encoder: Encoder | None = None

    def __enter__(self) -> AudioWriter:
        self._file.__enter__()
        try:
            self._file.require(_RESERVE)  # libsndfile would only say "System error."
            with self._file.errors():
                self._encoder = self._open()
        except BaseException as error:
            self._file.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def _open(self) -> Encoder:
        if self._suffix in SNDFILE:
            # a descriptor, not a Python file: an exception (Ctrl-C!) inside libsndfile's callbacks would be lost
            return SndfileEncoder(self._suffix, self._sample_rate, self._file.descriptor, synthetic=self._synthetic)
        return open_file(self._file.partial, self._suffix, self._sample_rate)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._encoder is not None
        try:
            if kind is None:
                self._file.require(_RESERVE)  # what libsndfile writes at the end fails silently
                with self._file.errors():
                    self._encoder.finish()
            else:
                with suppress(OSError):
                    self._encoder.finish()
        except BaseException as failure:
            kind, error, trace = type(failure), failure, failure.__traceback__
            raise
        finally:
            self._file.__exit__(kind, error, trace)

    def write(self, samples: Samples) -> None:
        """Append samples (n,) in [-1, 1]; louder ones are clipped."""
        assert self._encoder is not None, "write inside the with block"
        try:
            self._encoder.encode(samples)
        except OSError as error:
            self._file.require(_RESERVE)  # names the reason, which libsndfile does not
            raise SsmphonyError(f"cannot write {self._file.path}: {(error.strerror or str(error)).lower()}") from None
