"""Audio files of a corpus: the one place of this room where files are opened."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ssmphony.types import Samples


class Rejected(Exception):
    """A clip that cannot be used. The message is the reason written to ``rejected.jsonl``."""


def read_clip(path: Path) -> tuple[Samples, int]:
    """First channel of a file, (n,) float32, and its rate in Hz; raises `Rejected` when it cannot be read."""
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        raise Rejected(f"unreadable: {str(error).splitlines()[0]}") from None
    return np.ascontiguousarray(samples[:, 0], np.float32), int(rate)


def write_clip(path: Path, samples: Samples, rate: int) -> None:
    """Write 16-bit FLAC; a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    soundfile.write(partial, samples, rate, format="FLAC", subtype="PCM_16")
    os.replace(partial, path)


def write_array(path: Path, array: npt.NDArray[np.generic]) -> None:
    """Write an ``.npy`` file; a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    with partial.open("wb") as file:
        np.save(file, array)
    os.replace(partial, path)
