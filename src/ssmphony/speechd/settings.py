"""What a client sets: rate, pitch, volume, punctuation, spelling, voice."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from ssmphony.types import PUNCTUATION_LEVELS, SPEEDS, Style

_SLOWEST = 1 / 3
_SEMITONES = 12.0
_NUMBERS = ("rate", "pitch", "volume")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """The parameters of ``SET`` that matter here. Numbers run from -100 to 100; None is the module's own."""

    rate: int = 0
    pitch: int = 0
    volume: int = 100
    punctuation: str = "none"
    spelling: bool = False
    capitals: bool = False
    """Whether capital letters are to be told from small ones."""
    voice_type: str | None = None
    """``male1`` … ``child_female``."""
    voice: str | None = None
    """The name of a voice, as ``LIST VOICES`` gives it."""

    @property
    def speed(self) -> float:
        """Of a `Style`: a third at -100, 1 at 0, six times the pace at 100; equal steps sound equal.

        >>> [round(Settings(rate=rate).speed, 2) for rate in (-100, 0, 50, 100)]
        [0.33, 1.0, 2.45, 6.0]
        """
        return (SPEEDS[1] if self.rate > 0 else 1 / _SLOWEST) ** (self.rate / 100)

    @property
    def gain(self) -> float:
        """What samples are multiplied by: 1 at volume 100, which is the default, 0 at -100."""
        return (self.volume + 100) / 200

    def style(self, speaker: str | None, capabilities: Collection[str]) -> Style:
        """The style of a speaker, for a model that follows ``capabilities``."""
        return Style(
            speed=self.speed if "speed" in capabilities else 1.0,
            pitch_semitones=self.pitch / 100 * _SEMITONES if "pitch" in capabilities else 0.0,
            speaker=speaker,
        )

    def updated(self, lines: Iterable[str]) -> Settings:
        """These settings after the lines ``name=value`` of ``SET``.

        What is unknown, and a value that makes no sense, changes nothing: a message is spoken whatever it comes with.
        """
        settings = self
        for line in lines:
            name, _, value = line.partition("=")
            try:
                settings = settings._with(name.strip(), value.strip())
            except ValueError:
                _log.warning("'%s' is no value of %s: it stays as it was", value, name)
        return settings

    def _with(self, name: str, value: str) -> Settings:
        given = None if value in ("", "NULL") else value
        if name in _NUMBERS:
            return self if given is None else replace(self, **{name: max(-100, min(100, int(given)))})
        if name == "punctuation_mode":
            if given not in PUNCTUATION_LEVELS:
                raise ValueError(value)
            return replace(self, punctuation=given)
        if name == "spelling_mode":
            return replace(self, spelling=given == "on")
        if name == "cap_let_recogn":
            return replace(self, capitals=given in ("spell", "icon"))
        if name == "voice":
            return replace(self, voice_type=given and given.lower())
        if name == "synthesis_voice":
            return replace(self, voice=given)
        return self
