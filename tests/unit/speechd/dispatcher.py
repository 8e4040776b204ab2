"""The other end of the pipes: what Speech Dispatcher does, in a few lines."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from ssmphony.speechd.configuration import Configuration
from ssmphony.speechd.module import Module
from ssmphony.speechd.voices import Voices
from ssmphony.voice import Voice
from ssmphony.voices.package import load

ENDS = ("702 END", "703 STOP", "704 PAUSE")


class Event(NamedTuple):
    """A reply or an event: its last line, what came before it, and the samples of ``705 AUDIO``."""

    line: str
    lines: tuple[str, ...] = ()
    samples: np.ndarray = np.zeros(0, np.int16)


def read_event(pipe: BinaryIO) -> Event | None:
    """The next event; None at the end of the pipe."""
    lines: list[str] = []
    samples = Event("").samples
    while raw := pipe.readline():
        if raw.startswith(b"705-AUDIO\0"):
            data = re.sub(rb"\x7d(.)", lambda match: bytes([match[1][0] ^ 0x20]), raw[10:-1], flags=re.DOTALL)
            samples = np.frombuffer(data, "<i2")
            continue
        line = raw.decode().removesuffix("\n")
        if line[3] == " ":
            return Event(line, tuple(lines), samples)
        lines.append(line[4:])
    return None


class Dispatcher:
    """Talks to a module that runs in a thread of the test."""

    def __init__(self, load: Callable[[], Voices]) -> None:
        source, self._commands = os.pipe()
        self._events, sink = os.pipe()
        self.commands, self.events = os.fdopen(self._commands, "wb", 0), os.fdopen(self._events, "rb")
        module = Module(os.fdopen(source, "rb"), os.fdopen(sink, "wb"), load)
        self.thread = threading.Thread(target=module.run, daemon=True)
        self.thread.start()

    def write(self, text: str) -> None:
        self.commands.write(text.encode())

    def read(self) -> Event:
        event = read_event(self.events)
        assert event is not None, "the module is gone"
        return event

    def ask(self, command: str, *body: str) -> list[str]:
        """Send a command, with the lines of its block if it has one; the last lines of the replies."""
        self.write(f"{command}\n")
        if not body:
            return [self.read().line]
        first = self.read().line
        self.write("".join(f"{line}\n" for line in body) + ".\n")
        return [first, self.read().line]

    def start(self) -> Dispatcher:
        assert self.ask("INIT") == ["299 OK LOADED SUCCESSFULLY"]
        assert self.ask("AUDIO", "audio_output_method=server")[-1] == "203 OK AUDIO INITIALIZED"
        return self

    def until_end(self) -> Iterator[Event]:
        while True:
            event = self.read()
            yield event
            if event.line in ENDS:
                return

    def say(self, text: str, kind: str = "SPEAK") -> list[Event]:
        """All events of a message."""
        assert self.ask(kind, text) == ["202 OK RECEIVING MESSAGE", "200 OK SPEAKING"]
        return list(self.until_end())

    def close(self) -> None:
        self.commands.close()
        self.events.close()
        self.thread.join(30)
        assert not self.thread.is_alive()


def sound(events: list[Event]) -> np.ndarray:
    return np.concatenate([event.samples for event in events])


@lru_cache
def loaded(folder: Path) -> Voice:
    return load(folder, threads=1)


def voices_of(folder: Path) -> Callable[[], Voices]:
    """What loads the voice in a folder, which all tests share."""
    return lambda: Voices(Configuration(voice=str(folder)), lambda path, **_: loaded(Path(path)))
