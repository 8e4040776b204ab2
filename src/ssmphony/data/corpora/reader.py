"""What a corpus reader is: it lists the recordings of a corpus, and reads one of them at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ssmphony.config import Config
from ssmphony.types import Samples, SsmphonyError

AUDIO_SUFFIXES = (".flac", ".wav", ".mp3", ".ogg", ".opus", ".aiff")

WordTime = tuple[str, float, float]


@dataclass(frozen=True)
class Item:
    """One recording of the corpus, not yet read. ``text`` None means that there is no transcript.

    word_times: (word, start in s, end in s) of every spoken word, or None where they are unknown.
    """

    id: str
    speaker: str
    path: Path | None = None
    text: str | None = None
    word_times: tuple[WordTime, ...] | None = None


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

    @abstractmethod
    def items(self) -> Iterator[Item]:
        """Every recording in a stable order, unread; raises `SsmphonyError` if the layout is not this corpus."""

    @abstractmethod
    def read(self, item: Item) -> Sequence[Utterance]:
        """The clips of one recording; raises `ssmphony.data.clips.Rejected` with the reason if it is unusable."""


def existing_folder(path: Path) -> Path:
    """``path``, or one line that says it is not there."""
    if not path.is_dir():
        raise SsmphonyError(f"no such folder: {path}")
    return path


def audio_by_stem(folder: Path) -> dict[str, Path]:
    """Audio files of a folder (not of its subfolders) by their name without suffix, sorted."""
    files = sorted(path for path in existing_folder(folder).iterdir() if path.suffix.lower() in AUDIO_SUFFIXES)
    return {path.stem: path for path in files}


def read_table(path: Path) -> list[list[str]]:
    """Rows of a ``|`` separated UTF-8 file without quoting; blank lines are skipped."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise SsmphonyError(f"no {path.name} in {path.parent}: this is not the expected corpus layout") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SsmphonyError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    return [line.split("|") for line in lines if line.strip()]
