"""A document in markup as plain text, and next to it what the elements say of each character."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from ssmphony.tokens import Prosody


class Stretch(NamedTuple):
    """What holds from character ``first`` of the plain text on, up to the next stretch."""

    first: int
    prosody: Prosody
    speaker: str | None


class Source(NamedTuple):
    """Characters from ``first`` of the plain text on stand from ``start`` on in the document; those that replace
    others (``stop`` is not None) all stand for ``start`` to ``stop``."""

    first: int
    start: int
    stop: int | None


@dataclass
class Document:
    """``text`` is what is spoken; ``breaks`` are (place, seconds) and ``marks`` (place, name), in order."""

    text: str = ""
    stretches: list[Stretch] = field(default_factory=lambda: [Stretch(0, Prosody(), None)])
    breaks: list[tuple[int, float]] = field(default_factory=list[tuple[int, float]])
    marks: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    sources: list[Source] = field(default_factory=lambda: [Source(0, 0, None)])

    def at(self, place: int) -> Stretch:
        """What is said of a character of ``text``."""
        return self.stretches[bisect_right(self.stretches, place, key=lambda stretch: stretch.first) - 1]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the characters ``start`` to ``end`` of ``text`` stand in the document."""
        return self._of(start)[0], self._of(max(start, end - 1))[1]

    def _of(self, place: int) -> tuple[int, int]:
        source = self.sources[bisect_right(self.sources, place, key=lambda source: source.first) - 1]
        here = source.start + place - source.first
        return (here, here + 1) if source.stop is None else (source.start, source.stop)
