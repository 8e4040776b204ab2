"""The configuration file of the module: a key and its value a line, as Speech Dispatcher's own files have them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ssmphony.config import suggest
from ssmphony.types import SsmphonyError

FILE = "ssmphony.conf"
VOICE_TYPES = ("male1", "male2", "male3", "female1", "female2", "female3", "child_male", "child_female")
KEYS = ("Voice", "Threads", "Lexicon", "VoiceType")


@dataclass(frozen=True)
class Configuration:
    """``voice`` None is the module's default; ``voice_types`` are names of voices as `voices.Voices` takes them."""

    voice: str | None = None
    threads: int | None = None
    lexicon: Path | None = None
    voice_types: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)


def user_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where Speech Dispatcher looks for a user's own configuration."""
    return Path(environment.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "speech-dispatcher"


def read(path: Path | None) -> Configuration:
    """Read a file; without one, or where it is missing, the user's; where that is missing too, the defaults.

    Speech Dispatcher names the file in its own folder even where it is the user who has one.

    Raises:
        SsmphonyError: A line is not understood, with its number.
    """
    for candidate in (path, user_folder() / "modules" / FILE):
        if candidate is not None and candidate.is_file():
            try:
                return _parse(candidate.read_text(encoding="utf-8"), candidate)
            except UnicodeDecodeError:
                raise SsmphonyError(f"{candidate}: it is not UTF-8; write it again") from None
    return Configuration()


def _parse(text: str, path: Path) -> Configuration:
    found = Configuration()
    for number, line in enumerate(text.splitlines(), start=1):
        where = f"{path}, line {number}"
        try:
            key, *values = shlex.split(line, comments=True) or [""]
        except ValueError as error:
            raise SsmphonyError(f"{where}: {str(error).lower()}") from None
        known = next((name for name in KEYS if name.lower() == key.lower()), None)
        if not key:
            continue
        if known is None:
            raise SsmphonyError(f"{where}: unknown key '{key}'{suggest(key, KEYS)}; known: {', '.join(KEYS)}")
        if len(values) != (2 if known == "VoiceType" else 1):
            expected = "a type and a voice, as in VoiceType male1 small/asha" if known == "VoiceType" else "one value"
            raise SsmphonyError(f"{where}: {known} takes {expected}")
        found = _with(found, known, values, where)
    return found


def _with(found: Configuration, key: str, values: list[str], where: str) -> Configuration:
    if key == "VoiceType":
        kind = values[0].lower()
        if kind not in VOICE_TYPES:
            raise SsmphonyError(f"{where}: unknown type '{values[0]}'{suggest(kind, VOICE_TYPES)}")
        return replace(found, voice_types={**found.voice_types, kind: values[1]})
    if key == "Threads":
        if not values[0].isdecimal() or not 1 <= int(values[0]) <= 64:
            raise SsmphonyError(f"{where}: Threads is a number, 1 to 64")
        return replace(found, threads=int(values[0]))
    if key == "Lexicon":
        return replace(found, lexicon=Path(values[0]).expanduser())
    return replace(found, voice=values[0])
