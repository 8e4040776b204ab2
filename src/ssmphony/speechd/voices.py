"""The voices that clients see: ``VOICE/SPEAKER`` for every speaker of every installed voice."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ssmphony.speechd.configuration import Configuration
from ssmphony.speechd.settings import Settings
from ssmphony.types import SsmphonyError
from ssmphony.voice import Voice
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import DEFAULT, installed, load, locate

PREFERRED = "small"
"""The voice of a screen reader, where it is installed: it answers sooner than the default voice."""
_KEPT = 2
"""Voices that stay loaded: the module's own, and the last other one that was asked for."""
_log = logging.getLogger(__name__)


class Chosen(NamedTuple):
    voice: Voice
    speaker: str | None


class Listed(NamedTuple):
    name: str
    language: str


def preferred() -> str:
    """The name of the voice to speak with when nobody names one."""
    return PREFERRED if PREFERRED in installed() else DEFAULT


def listed() -> Iterator[Listed]:
    """What clients may ask for; damaged voices are left out."""
    for name, folder in installed().items():
        try:
            card = read_manifest(folder).card
        except SsmphonyError as error:
            _log.warning("the voice '%s' is left out: %s", name, error)
            continue
        for speaker in card.speakers:
            yield Listed(f"{name}/{speaker}", card.language)
        if not card.speakers:
            yield Listed(name, card.language)


class Voices:
    """Loads voices by name and keeps them: loading takes far longer than a word."""

    def __init__(self, configuration: Configuration, loader: Callable[..., Voice] = load) -> None:
        """Raises `SsmphonyError` where the voice of the module cannot be loaded."""
        self._configuration, self._loader = configuration, loader
        self._loaded: dict[str, Voice] = {}
        self._lock = threading.Lock()
        own = configuration.voice or preferred()
        name, self._speaker = (own, None) if own in installed() else _parts(own)
        self._name = name
        self.own = self._load(name)
        if self._speaker is not None and self._speaker not in self.own.card.speakers:
            self.own.check(Settings().style(self._speaker, ()))

    def choose(self, settings: Settings) -> Chosen:
        """The voice that settings ask for; one that is unknown or damaged is replaced by the module's own."""
        asked = settings.voice or self._configuration.voice_types.get(settings.voice_type or "")
        if asked:
            try:
                return self._find(asked)
            except SsmphonyError as error:
                _log.warning("%s: the voice '%s' speaks instead", error, self._name)
        return Chosen(self.own, self._speaker)

    def _find(self, asked: str) -> Chosen:
        name, speaker = _parts(asked)
        if asked in self.own.card.speakers:
            return Chosen(self.own, asked)
        if name == self._name and speaker in self.own.card.speakers:
            return Chosen(self.own, speaker)
        if name not in installed():
            raise SsmphonyError(f"unknown voice '{asked:.100}'")
        voice = self._load(name)
        if speaker is not None and speaker not in voice.card.speakers:
            raise SsmphonyError(f"the voice '{name}' has no speaker '{speaker:.100}'")
        return Chosen(voice, speaker)

    def _load(self, name: str) -> Voice:
        with self._lock:
            if name not in self._loaded:
                configuration = self._configuration
                voice = self._loader(locate(name), threads=configuration.threads or 1, lexicon=configuration.lexicon)
                if len(self._loaded) >= _KEPT:
                    del self._loaded[next(other for other in reversed(self._loaded) if other != self._name)]
                self._loaded[name] = voice
            return self._loaded[name]


def _parts(name: str) -> tuple[str, str | None]:
    """``VOICE/SPEAKER`` of an installed voice; a path of a folder stays whole."""
    voice, slash, speaker = name.partition("/")
    return (voice, speaker) if slash and voice in installed() else (name, None)
