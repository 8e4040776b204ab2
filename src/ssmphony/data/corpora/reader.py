"""What a corpus reader is: it lists the recordings of a corpus, and reads one of them at a time."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from ssmphony.config import Config
from ssmphony.interfaces import Frontend
from ssmphony.text.registry import DEFAULT, build_frontend
from ssmphony.types import Samples

WordTime = tuple[str, float, float]


@dataclass(frozen=True)
class Item:
    """One recording of the corpus, not yet read. ``text`` None means that there is no transcript.

    word_times: (word, start in s, end in s) of every spoken word, or None where they are unknown.
    rendered: what the corpus says of a rendered clip, as JSON, for its reader.
    problem: why it cannot be used, where that is known before it is read; it is then only listed.
    """

    id: str
    speaker: str
    path: Path | None = None
    text: str | None = None
    word_times: tuple[WordTime, ...] | None = None
    rendered: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Spoken:
    """The exact content of a rendered clip: symbols, word ranges, and one (start in s, end in s) a symbol."""

    symbols: tuple[str, ...]
    words: tuple[tuple[int, int], ...]
    times: tuple[tuple[float, float], ...]


class Pitch(NamedTuple):
    """A known pitch: Hz (value,), 0 where unvoiced. Value ``i`` is that of sample ``i * hop``."""

    hertz: npt.NDArray[np.float32]
    hop: int


@dataclass(frozen=True)
class Utterance:
    """A clip as its corpus has it: samples (n,) at its own rate, edges and level untouched.

    ``word_times`` count from the start of ``samples``. ``spoken`` replaces the text frontend, ``pitch`` the tracker.
    The edges of a clip are trimmed unless it is ``trimmed``.
    """

    id: str
    speaker: str
    samples: Samples
    rate: int
    text: str | None = None
    word_times: tuple[WordTime, ...] | None = None
    spoken: Spoken | None = None
    pitch: Pitch | None = None
    trimmed: bool = False


UNKNOWN = "und"
"""BCP 47 for a language that is not stated."""


@lru_cache(maxsize=8)
def _built(settings: str) -> Frontend:
    return build_frontend(json.loads(settings), "corpus: frontend")


def build(settings: Mapping[str, Any]) -> Frontend:
    """`build_frontend`, once for the same settings. Raises `SsmphonyError`."""
    return _built(json.dumps(settings, default=str, sort_keys=True))


class Reader(Config, ABC):
    """A corpus: its config and its reader in one frozen, picklable object."""

    frontend: dict[str, Any] = Field(default_factory=lambda: {"kind": DEFAULT})
    """What reads the texts, as in a voice block; its kind alone may be given."""
    language: str = UNKNOWN
    """Of the texts, a BCP 47 code; by default the frontend's. Texts of another language than the frontend's are not
    transcribed: their clips can train vocoders and codecs."""
    corrections: Path | None = None
    """A file of `ssmphony.data.corrections`, which `ssmphony.data.prepare` applies."""

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, data: Any) -> Any:
        """A frontend that is given by its kind, and its language."""
        if not isinstance(data, dict):
            return data
        frontend = data.get("frontend", {"kind": DEFAULT})
        frontend = {"kind": frontend} if isinstance(frontend, str) else frontend
        if not isinstance(frontend, dict):
            return data
        language = data.get("language") or build(frontend).language or UNKNOWN
        return {**data, "frontend": frontend, "language": language}

    @property
    def transcriber(self) -> Frontend | None:
        """What turns the texts into symbols; None where the frontend reads another language."""
        frontend = build(self.frontend)
        return frontend if frontend.language in ("", self.language) else None

    def layout(self) -> str:
        """One line on how the corpus is read, where that is found out and not given; raises what `items` raises."""
        return ""

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """Every recording in a stable order, unread; raises `SsmphonyError` if the layout is not this corpus."""

    @abstractmethod
    def read(self, item: Item) -> Sequence[Utterance]:
        """The clips of one recording; raises `ssmphony.data.clips.Rejected` with the reason if it is unusable."""
