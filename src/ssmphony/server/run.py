"""Running the application: one process, or several that share a port."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import math
import os
import signal
import socket
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial

import uvicorn

from ssmphony.engine import Engine
from ssmphony.server.app import create_app
from ssmphony.server.connections import ConnectionLimits, protocols
from ssmphony.server.discovery import check_discovery
from ssmphony.server.dispatch import Inbox
from ssmphony.server.log import log, write_log
from ssmphony.server.names import VoiceNames
from ssmphony.server.settings import ServeSettings
from ssmphony.server.style import load_references
from ssmphony.server.workers import supervise
from ssmphony.server.wyoming import bind, is_loopback
from ssmphony.text.hindi import Lexicon
from ssmphony.types import SsmphonyError
from ssmphony.voice import Voice
from ssmphony.voices.manifest import read_manifest
from ssmphony.voices.package import DEFAULT, installed, load, locate

HEADER_BYTES = 16_384
_BACKLOG = 1024
"""Connections that may wait to be accepted."""
_AT_ONCE = 16
"""Accepted before others are closed: more would need as many files, which the system may not allow."""
_TELL_S = 2
"""For clients to be notified, once streams have been given up. What is left then is cancelled."""
_OTHER_FILES = 128
"""Open files of a process that are not connections: voices, libraries, counters, and refused connections."""
_FIRST_WORDS = "नमस्ते।"


def serve(settings: ServeSettings, greet: Callable[[str], None] | None = None) -> None:
    """Answer until SIGTERM or SIGINT; what is being spoken then is spoken to its end.

    ``greet`` is called with the server's address once requests are answered. Raises `SsmphonyError` for voices that
    cannot be loaded, for aliases that lead nowhere, for references that cannot be read, and for an address that cannot
    be had.
    """
    write_log()
    check_discovery(settings)
    read_names(settings)
    read_lexicon(settings)
    load_references(settings)
    listener = listen(settings.host, settings.port)
    if settings.api_key is None and not is_loopback(listener):
        log("anyone who can reach this address may use the server: set --api-key", logging.WARNING)
    url = url_of(listener)
    ready = partial(greet, url) if greet is not None else None
    with listener:
        if settings.workers == 1:
            work(settings, url, listener, ready)
        else:
            supervise(work, settings, listener, url, ready)


def work(
    settings: ServeSettings, url: str, source: socket.socket | Inbox, ready: Callable[[], object] | None = None
) -> None:
    """Serve in this process what comes to a listening socket, or is handed over.

    ``url`` is where clients find it, for the log. ``ready`` is called when requests are answered.
    """
    settings = allow_connections(settings)
    wyoming = bind(settings.wyoming, shared=settings.workers > 1) if settings.wyoming is not None else None
    voices = load_voices(settings)
    with Engine(voices, workers=_threads(settings), running=settings.streams, queue=settings.queue) as engine:
        for name in voices:
            deque(engine.stream(_FIRST_WORDS, name), maxlen=0)  # the first listener need not wait for what loads late
        _give_back_memory()
        server = Server(engine, settings, source, url, wyoming)
        if ready is not None:
            ready()
        with _returning_signals():
            server.run()


class Server(uvicorn.Server):
    """uvicorn's server around ``engine``, which it closes when what was being spoken has had its time to end."""

    def __init__(
        self,
        engine: Engine,
        settings: ServeSettings,
        source: socket.socket | Inbox,
        url: str | None = None,
        wyoming: socket.socket | None = None,
    ) -> None:
        super().__init__(configuration(engine, settings, url, wyoming))
        self._engine, self._drain_s = engine, settings.drain_s
        self._listeners = [source] if isinstance(source, socket.socket) else []
        self._inbox = source if isinstance(source, Inbox) else None

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        super().run(self._listeners if sockets is None else sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in self._listeners:
            listener.listen(_BACKLOG)  # asyncio has set it to what it accepts at once
        if self._inbox is not None:
            make_protocol = partial(
                self.config.http_protocol_class,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )
            self._inbox.open(make_protocol)

    async def on_tick(self, counter: int) -> bool:
        if self._inbox is not None:
            self._inbox.report(len(self.server_state.connections))
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._inbox is not None:
            self._inbox.close()
        loop = asyncio.get_running_loop()
        # Streams that have not ended by then fail, and each client is notified.
        timer = loop.call_later(self._drain_s, loop.run_in_executor, None, partial(self._engine.close, drain=False))
        try:
            await super().shutdown(sockets)
        finally:
            timer.cancel()


def allow_connections(settings: ServeSettings) -> ServeSettings:
    """Have the system allow this process as many open files as connections need, or take fewer connections.

    Each is a file, and where none is left asyncio logs a traceback for each attempt to accept.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return settings
    protocols = 1 if settings.wyoming is None else 2
    needed = protocols * settings.connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return settings
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    with suppress(ValueError, OSError):  # macOS has a lower limit than the one it names
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        soft = allowed
    if soft >= needed:
        return settings
    connections = max(1, (soft - _OTHER_FILES) // protocols)
    log(f"{connections} connections, not {settings.connections}: files are limited (ulimit -n)", logging.WARNING)
    return settings.model_copy(update={"connections": connections})


def _give_back_memory() -> None:
    """Loading graphs leaves holes of some 20 MB in the heap, which glibc keeps for itself unless it is asked."""
    with suppress(OSError, AttributeError):  # other C libraries have no such call
        ctypes.CDLL(None).malloc_trim(0)


def configuration(
    engine: Engine, settings: ServeSettings, url: str | None = None, wyoming: socket.socket | None = None
) -> uvicorn.Config:
    """How uvicorn serves ``engine``."""
    stopping = asyncio.Event()
    http, websocket = protocols(ConnectionLimits(settings.connections, settings.receive_s, settings.stall_s), stopping)
    return uvicorn.Config(
        create_app(engine, settings, url=url, wyoming=wyoming, stopping=stopping),
        loop="asyncio",
        http=http,
        ws=websocket,
        ws_max_size=settings.body_bytes,
        ws_per_message_deflate=False,
        # A player that reads at the pace of listening answers a ping after the sound before it, which may be minutes.
        # Clients that are gone are found by `stall_s` and `idle_s`.
        ws_ping_timeout=None,
        h11_max_incomplete_event_size=HEADER_BYTES,
        backlog=_AT_ONCE,
        timeout_graceful_shutdown=math.ceil(settings.drain_s) + _TELL_S,
        log_config=None,
        access_log=False,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.forwarded_allow_ips),
        server_header=False,
    )


def name_voices(settings: ServeSettings) -> dict[str, str | None]:
    """The voices by the names that clients use: that of an installed voice, or what the card of a folder says.

    Loads none of them. Raises `SsmphonyError` for a voice that is unknown, and for two of one name.
    """
    known = installed()
    named: dict[str, str | None] = {}
    for voice in settings.voices or (None,):
        folder = locate(voice)
        card = read_manifest(folder).card
        name = DEFAULT if voice is None else voice if voice in known else card.name
        if name in named:
            raise SsmphonyError(f"two voices are named '{name}': serve one of them")
        named[name] = voice
    return named


def read_names(settings: ServeSettings) -> VoiceNames:
    """The names of voices that requests may use. Raises `SsmphonyError` for an alias that leads nowhere."""
    voices = name_voices(settings)
    return VoiceNames({name: read_manifest(locate(voice)).speakers for name, voice in voices.items()}, settings.aliases)


def read_lexicon(settings: ServeSettings) -> Lexicon | None:
    """The lexicon of the settings. Raises `SsmphonyError` that names the file, the line and the remedy."""
    return None if settings.lexicon is None else Lexicon.load(settings.lexicon)


def load_voices(settings: ServeSettings) -> dict[str, Voice]:
    """The voices by name. The lexicon goes to those that read phonemes; raises `SsmphonyError` if none does."""
    voices = {
        name: replace(load(voice, threads=1), max_silence_s=settings.max_silence_s)
        for name, voice in name_voices(settings).items()
    }
    lexicon = read_lexicon(settings)
    if lexicon is None:
        return voices
    refusals: list[SsmphonyError] = []
    for name, voice in voices.items():
        try:
            voices[name] = replace(voice, frontend=voice.frontend.with_lexicon(lexicon))
        except SsmphonyError as error:
            refusals.append(error)
            log(f"the voice '{name}' is served without the lexicon", logging.WARNING, reason=str(error))
    if len(refusals) == len(voices):
        raise SsmphonyError(f"--lexicon {settings.lexicon}: {refusals[0]}")
    return voices


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `SsmphonyError` where there is none to be had."""
    where = f"{host}:{port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise SsmphonyError(f"--host {host}: {(error.strerror or str(error)).lower()}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if isinstance(error, PermissionError):
            raise SsmphonyError(f"{where}: not allowed; choose a --port above 1023") from None
        reason = (error.strerror or str(error)).lower()
        raise SsmphonyError(f"{where}: {reason}; choose another --port, or 0 for any that is free") from None
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _threads(settings: ServeSettings) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return settings.threads or max(1, cores // settings.workers)


@contextmanager
def _returning_signals() -> Generator[None, None, None]:
    """uvicorn raises the signal that stopped it once more when it is done: it has been obeyed."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
