"""What a corpus reader is: it lists the recordings of a corpus, and reads one of them at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmphony.config import Config
from ssmphony.types import Samples

WordTime = tuple[str, float, float]


@dataclass(frozen=True)
class Item:
    """One recording of the corpus, not yet read. ``text`` None means that there is no transcript.

    word_times: (word, start in s, end in s) of every spoken word, or None where they are unknown.
    problem: why it cannot be used, where that is known before it is read; it is then only listed.
    """

    id: str
    speaker: str
    path: Path | None = None
    text: str | None = None
    word_times: tuple[WordTime, ...] | None = None
    problem: str = ""


@dataclass(frozen=True)
class Spoken:
    """The exact content of a rendered clip: symbols, word ranges, and one (start in s, end in s) a symbol."""

    symbols: tuple[str, ...]
    words: tuple[tuple[int, int], ...]
    times: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Utterance:
    """A clip as its corpus has it: samples (n,) at its own rate, edges and level untouched.

    ``word_times`` count from the start of ``samples``. ``spoken`` replaces the text frontend.
    """

    id: str
    speaker: str
    samples: Samples
    rate: int
    text: str | None = None
    word_times: tuple[WordTime, ...] | None = None
    spoken: Spoken | None = None


class Reader(Config, ABC):
    """A corpus: its config and its reader in one frozen, picklable object. ``corrections`` names a file of
    `ssmphony.data.corrections`, which `ssmphony.data.prepare` applies."""

    language: str = "hi"
    corrections: Path | None = None

    def layout(self) -> str:
        """One line on how the corpus is read, where that is found out and not given; raises what `items` raises."""
        return ""

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """Every recording in a stable order, unread; raises `SsmphonyError` if the layout is not this corpus."""

    @abstractmethod
    def read(self, item: Item) -> Sequence[Utterance]:
        """The clips of one recording; raises `ssmphony.data.clips.Rejected` with the reason if it is unusable."""
