"""What a frontend makes of text: sentences of tokens, with their words, their prosody and their marks.

Standard library only, so that the text packages run where there is no NumPy: in a browser, for example.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

SPEEDS = (0.25, 6.0)
"""The slowest and the fastest speech that can be asked for; screen readers are used at up to six times the pace."""
PUNCTUATION_LEVELS = ("none", "some", "most", "all")
"""How many marks a screen reader speaks by their name: each level has those of the one before, and more."""


@dataclass(frozen=True)
class Word:
    """A written word and the tokens that speak it.

    ``first`` and ``stop`` index `Tokens.ids` (half-open); ``start`` and ``end`` are character offsets into the
    text that the caller passed, so that word times can point at the source.
    """

    text: str
    first: int
    stop: int
    start: int
    end: int


@dataclass(frozen=True)
class Prosody:
    """How a token is spoken, compared with plain ones: at ``speed`` times the pace, higher, louder and so on."""

    speed: float = 1.0
    pitch_semitones: float = 0.0
    gain_db: float = 0.0


class Mark(NamedTuple):
    """A name that markup gives to a place: before token ``token``, or after the last one."""

    name: str
    token: int


@dataclass(frozen=True)
class Tokens:
    """One sentence, or one clause of an over-long sentence, ready for a voice model.

    ``ids`` and ``symbols`` run in parallel. ``pause_after_s`` is silence the voice adds after the sentence.
    ``start`` and ``end`` are character offsets of the sentence in the caller's text. ``prosody`` is parallel to
    ``ids``, or empty where all are spoken plainly; ``speaker`` None is the one of the style. ``breaks_s``, which the
    first sentence of a document has, is the silence that all breaks of that document ask for together, so that too
    much of it can be refused before anything is spoken.
    """

    ids: tuple[int, ...]
    symbols: tuple[str, ...]
    words: tuple[Word, ...] = ()
    text: str = ""
    start: int = 0
    end: int = 0
    pause_after_s: float = 0.0
    prosody: tuple[Prosody, ...] = ()
    speaker: str | None = None
    marks: tuple[Mark, ...] = ()
    breaks_s: float = 0.0

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.symbols):
            raise ValueError(f"{len(self.ids)} ids but {len(self.symbols)} symbols")
        if self.prosody and len(self.prosody) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but {len(self.prosody)} prosodies")

    def __len__(self) -> int:
        return len(self.ids)
