"""The names that requests use for voices: their own, ``VOICE/SPEAKER``, the aliases of the settings, OpenAI's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from ssmphony.engine import Engine
from ssmphony.errors import suggest
from ssmphony.server.errors import ApiError
from ssmphony.types import SsmphonyError

T = TypeVar("T")
DEFAULT = "default"
"""The first voice, unless a voice is called so."""
OPENAI_VOICES = {
    "alloy": "f",
    "ash": "m",
    "ballad": "m",
    "cedar": "m",
    "coral": "f",
    "echo": "m",
    "fable": "m",
    "marin": "f",
    "nova": "f",
    "onyx": "m",
    "sage": "f",
    "shimmer": "f",
    "verse": "m",
}
"""The built-in voices of OpenAI's speech endpoint, and whether they sound like a woman or a man."""
_GENDER = re.compile(r"(?:^|[-_ (])(?:[a-z]?([fm])(?=[-_ \d]|$)|(female|male|woman|man)(?![a-z]))", re.IGNORECASE)
_TEACHER = "espeak"
"""Speakers called so taught a voice when to say each phone. They can be asked for, but no alias leads to them."""


class Target(NamedTuple):
    """Who speaks. ``speaker`` None is the voice's own; ``reference`` is the name of one that the operator offers."""

    voice: str
    speaker: str | None = None
    reference: str | None = None


class VoiceNames:
    """Every name that finds a voice. Upper and lower case are the same, unless two names differ in nothing else.

    Args:
        speakers: the speakers of each voice, by the voice's name; the first voice is the default one.
        aliases: ``NAME=VOICE`` or ``NAME=VOICE/SPEAKER``. They take precedence over OpenAI's names.
        shown: what people are shown in place of the name of a speaker of the first voice.
        references: names of references, and the voice that imitates them: each is an alias unless it is a voice's name.

    Raises:
        SsmphonyError: for an alias that is not written so, that leads nowhere, or that hides another name.
    """

    def __init__(
        self,
        speakers: Mapping[str, Sequence[str]],
        aliases: Iterable[str] = (),
        shown: Mapping[str, str] | None = None,
        references: Mapping[str, str] | None = None,
    ) -> None:
        self._speakers = {voice: tuple(names) for voice, names in speakers.items()}
        self._first = next(iter(self._speakers))
        own: dict[str, Target] = {}
        for alias in aliases:
            name, target = self._read(alias)
            if _look_up(name, own) is not None:
                raise SsmphonyError(f"--alias {alias}: '{name}' is an alias already")
            own[name] = target
        for name, voice in (references or {}).items():
            if self._find(name) is None and _look_up(name, own) is None:
                own[name] = Target(voice, reference=name)
        hidden = {name.casefold() for name in (*self._speakers, *own)}
        spread = _spread(self._first, self._speakers[self._first], shown or {})
        self.aliases = {name: target for name, target in spread.items() if name not in hidden} | own

    @classmethod
    def of(cls, engine: Engine, aliases: Iterable[str] = (), references: Iterable[str] = ()) -> VoiceNames:
        """Those of the voices of an engine, the first of which that can imitates the references of these names."""
        imitate = [name for name, voice in engine.voices.items() if "reference" in voice.model.capabilities]
        cards = {name: voice.card for name, voice in engine.voices.items()}
        shown = next(iter(cards.values())).speaker_names
        imitated = dict.fromkeys(references, imitate[0]) if imitate else {}
        return cls({name: card.speakers for name, card in cards.items()}, aliases, shown, imitated)

    def find(self, name: str | None, speaker: str | None = None) -> Target:
        """Who speaks for a request. Its ``speaker`` takes precedence over the one that an alias leads to.

        Raises `ApiError` for an unknown name. An unknown speaker is left to the engine, which knows what to say.
        """
        found = Target(self._first) if name is None else _look_up(name, self.aliases) or self._find(name)
        if found is None:
            near = suggest(f"{name:.100}", (*self._speakers, *self.aliases))
            message = f"unknown voice '{name:.100}'{near}; this server has {', '.join(self._speakers)}"
            raise ApiError(400, message, "voice_not_found", "voice")
        return found if speaker is None else found._replace(speaker=self._speaker(found.voice, speaker) or speaker)

    def _find(self, name: str) -> Target | None:
        """A voice, or one of its speakers: what aliases lead to."""
        if (voice := self._voice(name)) is not None:
            return Target(voice)
        before, _, after = name.rpartition("/")
        voice = self._voice(before)
        speaker = None if voice is None else self._speaker(voice, after)
        return None if voice is None or speaker is None else Target(voice, speaker)

    def _voice(self, name: str) -> str | None:
        return _look_up(name, {DEFAULT: self._first} | {voice: voice for voice in self._speakers})

    def _speaker(self, voice: str, name: str) -> str | None:
        return _look_up(name, {speaker: speaker for speaker in self._speakers[voice]})

    def _read(self, alias: str) -> tuple[str, Target]:
        name, equals, path = (part.strip() for part in alias.partition("="))
        if not (name and equals and path):
            raise SsmphonyError(f"--alias {alias}: write it as NAME=VOICE or NAME=VOICE/SPEAKER")
        if self._find(name) is not None:
            raise SsmphonyError(f"--alias {alias}: '{name}' is the name of a voice: choose another")
        target = self._find(path)
        if target is None:
            known = [path for voice, of in self._speakers.items() for path in (voice, *(f"{voice}/{x}" for x in of))]
            near = suggest(path, known)
            raise SsmphonyError(f"--alias {alias}: no voice '{path}'{near}; there are {', '.join(known)}")
        return name, target


def _look_up(name: str, known: Mapping[str, T]) -> T | None:
    """The value of ``name``, or of the only key that differs from it in case."""
    if name in known:
        return known[name]
    near = [value for key, value in known.items() if key.casefold() == name.casefold()]
    return near[0] if len(near) == 1 else None


def _spread(voice: str, speakers: Sequence[str], shown: Mapping[str, str]) -> dict[str, Target]:
    """OpenAI's names over the speakers of a voice, in order: a woman's name to a woman where their names tell."""

    def gender(speaker: str) -> str | None:
        return _gender(speaker) or _gender(shown.get(speaker, ""))

    candidates = [speaker for speaker in speakers if not speaker.casefold().startswith(_TEACHER)] or list(speakers)
    targets: dict[str, Target] = {}
    for wanted in "fm":
        fitting = [speaker for speaker in candidates if gender(speaker) == wanted]
        fitting = fitting or [speaker for speaker in candidates if gender(speaker) is None] or candidates
        for place, name in enumerate(name for name, sounds in OPENAI_VOICES.items() if sounds == wanted):
            targets[name] = Target(voice, fitting[place % len(fitting)] if fitting else None)
    return {name: targets[name] for name in OPENAI_VOICES}


def _gender(speaker: str) -> str | None:
    """``f`` or ``m`` of ``hf_alpha``, ``en-m2``, ``male``, ``Priya (woman)``; None where the name does not tell."""
    found = _GENDER.search(speaker)
    if found is None:
        return None
    word = (found[1] or found[2]).lower()
    return "f" if word in ("f", "female", "woman") else "m"
