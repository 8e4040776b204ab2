"""What a feature is: an array that is computed from a prepared clip, and kept where that takes long."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.data.clips import write_array
from ssmphony.data.manifest import FEATURES, Clip
from ssmphony.types import FrameGrid

Values = npt.NDArray[Any]


class Source(NamedTuple):
    """A clip and the folder of its prepared corpus."""

    folder: Path
    clip: Clip

    @property
    def audio(self) -> Path:
        return self.folder / self.clip.audio


class Feature(ABC):
    """One kind of feature, with its settings.

    ``name`` is that of the registry. ``kept``: what is computed is written to ``features/<name>-<key>/<id>.npy`` of the
    corpus, where the key is a digest of `settings`, and read from there as long as the clip is older.
    """

    name: ClassVar[str]
    kept: ClassVar[bool] = False

    def settings(self) -> Mapping[str, Any]:
        """Everything that the values depend on except the clip."""
        return {}

    @abstractmethod
    def compute(self, source: Source) -> Values:
        """The values of one clip: (time, …). Raises `SsmphonyError` for a clip that lacks what they are made of."""

    def read(self, source: Source) -> Values:
        """The values of one clip, computed or as they were kept."""
        if not self.kept:
            return self.compute(source)
        path = source.folder / FEATURES / f"{self.name}-{self.key}" / f"{source.clip.id}.npy"
        known = _kept(path, source.audio)
        if known is not None:
            return known
        values = self.compute(source)
        with suppress(OSError):  # a corpus that is only read from: the values are computed each time
            write_array(path, values)
        return values

    @property
    def key(self) -> str:
        """A digest of the settings, a part of a file's name."""
        return hashlib.sha256(json.dumps(self.settings(), sort_keys=True, default=str).encode()).hexdigest()[:12]


def _kept(path: Path, audio: Path) -> Values | None:
    """The values in a file; None where there is none, it is older than the audio, or it is damaged."""
    try:
        if path.stat().st_mtime_ns < audio.stat().st_mtime_ns:
            return None
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None


def frame_count(clip: Clip, grid: FrameGrid) -> int:
    """Frames of a clip, from its length alone."""
    return 1 + ceil(clip.seconds * grid.sample_rate - 1e-3) // grid.hop_length
