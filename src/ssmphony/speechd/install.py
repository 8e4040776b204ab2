"""The files of a user that make Speech Dispatcher start the module: an executable, a configuration, and two lines.

Nothing outside the user's own folders is written, and `uninstall` takes away just what `install` wrote, unless it was
changed since.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ssmphony.audio.files import PartialFile
from ssmphony.speechd import voices
from ssmphony.speechd.configuration import FILE, VOICE_TYPES, user_folder
from ssmphony.types import SsmphonyError

NAME = "ssmphony"
SYSTEM = Path("/etc/speech-dispatcher")
_BEGIN, _END = "# ssmphony: begin", "# ssmphony: end"
_BLOCK = re.compile(rf"\n?{_BEGIN}\n.*?{_END}\n", re.DOTALL)
_MARK = "# Written by ssmphony speechd install"


@dataclass(frozen=True)
class Places:
    """Where the files of a user are."""

    data: Path
    """The dispatcher finds the executable from here, so it must be there, if only empty."""
    executable: Path
    configuration: Path
    dispatcher: Path
    """The user's ``speechd.conf``, which need not be there."""
    system: Path = SYSTEM

    @classmethod
    def of_user(cls, environment: Mapping[str, str] = os.environ) -> Places:
        data = Path(environment.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
        folder = user_folder(environment)
        executable = data.parent / "libexec" / "speech-dispatcher-modules" / f"sd_{NAME}"
        return cls(data, executable, folder / "modules" / FILE, folder / "speechd.conf")


@dataclass(frozen=True)
class Change:
    """A file that is written or removed (``text`` None)."""

    path: Path
    text: str | None
    mode: int = 0o644


def install(places: Places, *, voice: str | None = None, hindi: bool = False) -> list[Change]:
    """What is to be written.

    Args:
        places: The user's files.
        voice: An installed voice, or VOICE/SPEAKER; None: the module's own choice.
        hindi: Make the module speak all Hindi and read punctuation in Hindi words, by the user's ``speechd.conf``.

    Raises:
        SsmphonyError: The voice is unknown, ``speechd.conf`` cannot be read, or a file there is not ours.
    """
    known = [entry.name for entry in voices.listed()]
    if voice is not None and voice not in known and voice not in {name.partition("/")[0] for name in known}:
        raise SsmphonyError(f"unknown voice '{voice}'; installed: {', '.join(known)}")
    for path in (places.executable, places.configuration):
        if path.exists() and _MARK not in _read(path):
            raise SsmphonyError(f"{path}: it was not written by this command; move it away")
    changes = [Change(places.executable, _script(), 0o755)]
    if voice is not None or not places.configuration.exists():
        changes.append(Change(places.configuration, _configuration(voice, known)))
    if places.dispatcher.exists():
        before = _read(places.dispatcher)
        text = _without_block(before)
        block = _lines(text, hindi)
        after = text + (f"\n{_BEGIN}\n{block}{_END}\n" if block else "")
        if after != before:
            changes.append(Change(places.dispatcher, after))
    elif hindi:
        changes += _copy_of_system(places)
    return changes


def uninstall(places: Places) -> list[Change]:
    """What is to be removed or written back; files that `install` did not write stay."""
    changes = [
        Change(path, None)
        for path in (places.executable, places.configuration)
        if path.exists() and _MARK in _read(path)
    ]
    if places.dispatcher.exists() and (text := _read(places.dispatcher)) != _without_block(text):
        copies = _copies(places)
        copied = _without_block(text) == copies.get(places.dispatcher)
        if copied:
            changes += [Change(path, None) for path, own in copies.items() if path.exists() and _read(path) == own]
        changes.append(Change(places.dispatcher, None if copied else _without_block(text)))
    return changes


def apply(places: Places, changes: list[Change], tell: Callable[[str], None], *, dry_run: bool = False) -> None:
    """Write and remove files, each as a whole; ``tell`` is given a line for each."""
    for path, text, mode in ((change.path, change.text, change.mode) for change in changes):
        verb = "remove" if text is None else "change" if path.exists() else "write"
        tell(f"would {verb} {path}" if dry_run else f"{verb} {path}")
        if dry_run:
            continue
        if text is None:
            path.unlink()
            continue
        places.data.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with PartialFile(path) as file:
            file.write(text.encode(errors="surrogateescape"))
        path.chmod(mode)


def _script() -> str:
    python = shlex.quote(sys.executable)
    return (
        f'#!/bin/sh\n{_MARK}; ssmphony speechd uninstall removes it.\nexec {python} -m ssmphony.cli speechd run "$@"\n'
    )


def _configuration(voice: str | None, known: list[str]) -> str:
    own = voice or voices.preferred()
    others = "".join(f"#   {name}\n" for name in known)
    return (
        f"{_MARK}; your changes stay when it is installed again without --voice.\n\n"
        f"# The voice that speaks when a client names none:\n{'' if voice else '#'}Voice {own}\n\n"
        "# Processor threads; with more, long texts need less time and the first sound does not:\n#Threads 1\n\n"
        "# Words and how to say them, see the documentation of ssmphony:\n#Lexicon ~/words.tsv\n\n"
        f"# Voices for the types that clients may ask for ({', '.join(VOICE_TYPES)}):\n"
        f"#VoiceType female1 {known[0] if known else own}\n\n# Installed:\n{others}"
    )


def _lines(text: str, hindi: bool) -> str:
    """What ``speechd.conf`` lacks. It loads all modules that it finds, unless it names some."""
    active = [line.split() for line in text.splitlines() if line.split()[:1] and not line.lstrip().startswith("#")]
    named = any(words[0].lower() == "addmodule" for words in active)
    lines = [f'AddModule "{NAME}" "sd_{NAME}" "{FILE}"'] if named else []
    if hindi:
        lines += [f'LanguageDefaultModule "hi" "{NAME}"', 'SymbolsPreproc "no"']
    return "".join(f"{line}\n" for line in lines)


def _copy_of_system(places: Places) -> list[Change]:
    """A user's own configuration replaces the system's as a whole, so all of it is copied."""
    copies = _copies(places)
    if places.dispatcher not in copies:
        raise SsmphonyError(f"{places.system / 'speechd.conf'}: no such file; is Speech Dispatcher installed?")
    text = copies.pop(places.dispatcher)
    changes = [Change(places.dispatcher, f"{text}\n{_BEGIN}\n{_lines(text, True)}{_END}\n")]
    return changes + [Change(path, text) for path, text in copies.items() if not path.exists()]


def _copies(places: Places) -> dict[Path, str]:
    """The system's configuration, under the paths that it has for a user."""
    files = sorted((*places.system.glob("*.conf"), *places.system.glob("*/*.conf")))
    copies = {places.dispatcher.parent / path.relative_to(places.system): _read(path) for path in files}
    copies.pop(places.configuration, None)
    return copies


def _without_block(text: str) -> str:
    return _BLOCK.sub("", text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise SsmphonyError(f"{path}: cannot read it ({error.strerror})") from None
