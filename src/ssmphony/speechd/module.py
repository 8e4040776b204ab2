"""The commands of Speech Dispatcher, one after the other; what is spoken meanwhile runs in threads of its own."""

from __future__ import annotations

import gc
import logging
import os
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, get_args

from ssmphony.speechd import configuration, voices
from ssmphony.speechd.job import Job, Request
from ssmphony.speechd.message import Kind, spoken
from ssmphony.speechd.protocol import Connection
from ssmphony.speechd.settings import Settings
from ssmphony.speechd.voices import Voices
from ssmphony.types import SsmphonyError

_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
_SWITCH_S = 0.001
"""A command waits at most this long for the interpreter while a sentence is being read; Python's own is 5 ms."""
_WARM_UP = ("नमस्ते, यह पहला वाक्य है।", "12:30, 5 मई 2024, ₹500", "Settings", "क", "control_alt_f1 (@)")
"""What is read and spoken unheard, so that the first words of the user need not wait for tables and graphs."""
_LAST_STEP_S = 5.0
"""A step of a model takes far less."""
_log = logging.getLogger(__name__)


class Module:
    """The module between its two pipes. ``load`` makes its voices and may fail with `SsmphonyError`."""

    def __init__(self, source: BinaryIO, sink: BinaryIO, load: Callable[[], Voices]) -> None:
        self._connection = Connection(source, sink)
        self._load = load
        self._voices: Voices | None = None
        self._settings = Settings()
        self._job: Job | None = None
        self._threads: list[threading.Thread] = []
        self._over = False

    def run(self) -> None:
        """Answer until ``QUIT``, or until Speech Dispatcher is gone."""
        try:
            for command in self._connection.commands():
                if command == "QUIT":
                    self._abandon()
                    self._connection.send("210 OK QUIT")
                    return
                self._answer(command)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            _log.warning("Speech Dispatcher is gone")
        finally:
            self._over = True
            self._abandon()
            for thread in self._threads:  # none may be inside a graph when the interpreter ends
                thread.join(_LAST_STEP_S)

    def _answer(self, command: str) -> None:
        if command in _KINDS:
            self._speak(_KINDS[command])
        elif command == "STOP":
            self._stop()
        elif command == "PAUSE":
            if self._job is not None:
                self._job.pause()
        elif command == "SET":
            self._receive("SETTINGS", self._set, "203 OK SETTINGS RECEIVED")
        elif command == "LIST VOICES":
            self._list_voices()
        elif command == "INIT":
            self._initialise()
        elif command == "AUDIO":
            self._receive("AUDIO SETTINGS", self._set_audio, "203 OK AUDIO INITIALIZED")
        elif command == "LOGLEVEL":
            self._receive("LOGLEVEL SETTINGS", lambda lines: None, "203 OK LOGLEVEL SET")
        elif command.startswith("DEBUG"):
            self._connection.send("200 OK DEBUGGING " + ("ON" if command.split()[1:2] == ["ON"] else "OFF"))
        else:
            self._connection.send("300 ERR UNKNOWN COMMAND")

    def _initialise(self) -> None:
        try:
            self._voices = self._load()
        except SsmphonyError as error:
            _log.error("%s", error)
            self._connection.send(f"399-ssmphony: {error}", "399 ERR CANT INIT MODULE")
            return
        self._start(partial(self._warm_up, self._voices))
        self._connection.send(f"299-ssmphony: {self._voices.own.card.name} is loaded", "299 OK LOADED SUCCESSFULLY")

    def _warm_up(self, loaded: Voices) -> None:
        """Ends early when the first message arrives."""
        voice, speaker = loaded.choose(Settings())
        style = Settings().style(speaker, voice.model.capabilities)
        for text in _WARM_UP:
            read = spoken("SPEAK", text, Settings(punctuation="all"), voice.frontend)
            for _ in voice.speak(f"{read} {voice.frontend.key_name(text)}", style):
                if self._job is not None or self._over:
                    return
        gc.collect()
        gc.freeze()  # tables and graphs stay: looking at them again and again would only delay speech

    def _speak(self, kind: Kind) -> None:
        self._stop()  # the dispatcher waits for the end of a message before it sends another
        self._connection.send("202 OK RECEIVING MESSAGE")
        lines = self._connection.block()
        data = "\n".join(lines) if lines else ""
        if not data.strip() and not (kind == "CHAR" and data):
            self._connection.send("301 ERROR CANT SPEAK")
            return
        if self._voices is None:
            self._connection.send("401 ERROR INTERNAL")
            return
        self._job = Job(partial(_prepare, self._voices, self._settings, kind, data), self._connection)
        self._connection.send("200 OK SPEAKING")
        self._start(self._job.run)

    def _start(self, work: Callable[[], None]) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=work, daemon=True))
        self._threads[-1].start()

    def _stop(self) -> None:
        if self._job is not None:
            self._job.stop()

    def _abandon(self) -> None:
        if self._job is not None:
            self._job.abandon()

    def _receive(self, what: str, use: Callable[[list[str]], str | None], done: str) -> None:
        """Settings up to a dot; ``use`` returns an error to reply, or None."""
        self._connection.send(f"207 OK RECEIVING {what}")
        lines = self._connection.block() or []
        self._connection.send(use(lines) or done)

    def _set(self, lines: list[str]) -> None:
        self._settings = self._settings.updated(lines)

    def _set_audio(self, lines: list[str]) -> str | None:
        """The dispatcher first offers to play the sound itself; an older one does not."""
        if "audio_output_method=server" in lines:
            return None
        _log.error("ssmphony needs Speech Dispatcher 0.11 or newer, which plays the sound of its modules")
        return "300 ERR CANT OPEN AUDIO"

    def _list_voices(self) -> None:
        found = [f"200-{voice.name}\t{voice.language}\tnone" for voice in voices.listed()]
        self._connection.send(*found, "200 OK VOICE LIST SENT" if found else "304 CANT LIST VOICES")


def _prepare(loaded: Voices, settings: Settings, kind: Kind, data: str) -> Request:
    voice, speaker = loaded.choose(settings)
    style = settings.style(speaker, voice.model.capabilities)
    text = spoken(kind, data, settings, voice.frontend)
    return Request(text, voice, style, settings.gain, brief=kind != "SPEAK")


def run(path: Path | None) -> None:
    """Be the module of this process: ``path`` is its configuration file, if Speech Dispatcher names one.

    Whatever else writes to standard output goes to standard error, which Speech Dispatcher keeps as the module's log.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    sys.setswitchinterval(_SWITCH_S)
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    Module(sys.stdin.buffer, sink, lambda: Voices(configuration.read(path))).run()
