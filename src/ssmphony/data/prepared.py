"""Files of a prepared corpus that training reads: samples, pitch and other arrays of a clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import soundfile

from ssmphony.types import SsmphonyError

LOWEST_HZ = 50.0
"""Below it a teacher's pitch passes from one voiced phone to an unvoiced one: nothing is voiced there."""


def read_pitch(folder: Path, name: str) -> npt.NDArray[np.float32]:
    """The pitch of a prepared clip, (frame,) in Hz, 0 where there is none."""
    path = folder / "f0" / f"{name}.npy"
    pitch = read_array(path, f"{path} is missing: prepare the corpus again").astype(np.float32)
    return np.where(pitch >= LOWEST_HZ, pitch, np.float32(0.0))


def read_samples(path: Path, rate: int, dtype: Literal["float32", "int16"] = "float32") -> npt.NDArray[Any]:
    """The samples (n,) of a prepared clip; raises `SsmphonyError` for a file that is damaged or of another rate."""
    try:
        samples, found = soundfile.read(path, dtype=dtype)
    except (soundfile.SoundFileError, OSError, ValueError) as error:
        if not path.exists():
            raise SsmphonyError(f"{path} is missing: prepare the corpus again") from None
        raise SsmphonyError(f"{path}: cannot be read ({error}): remove it and prepare the corpus again") from None
    if found != rate or samples.ndim != 1:
        raise SsmphonyError(f"{path}: {found} Hz, not {rate} Hz mono: remove it and prepare the corpus again")
    return samples


def read_array(path: Path, missing: str) -> npt.NDArray[Any]:
    """An ``.npy`` file; raises `SsmphonyError`: ``missing``, or one line on a damaged file."""
    try:
        return np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise SsmphonyError(missing) from None
    except (OSError, ValueError, EOFError) as error:
        raise SsmphonyError(f"{path}: cannot be read ({error}): remove it and prepare the corpus again") from None
