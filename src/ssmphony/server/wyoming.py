"""Wyoming, the protocol of Home Assistant's voice services: text in, 16-bit sound out as it is made.

A client describes itself nowhere and sends no key: anyone who reaches the port can use it, so it belongs on the
loopback or on a trusted network. After an ``error`` the connection is closed, because clients wait for ``audio-stop``
and would wait for ever.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Literal, TypeVar, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_read_event, async_write_event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped

from ssmphony.audio.pcm import pcm16
from ssmphony.engine import Engine, Stream
from ssmphony.server.connections import Stall
from ssmphony.server.delivery import silence, sound
from ssmphony.server.discovery import announced
from ssmphony.server.errors import INTERNAL, ApiError, as_api_error
from ssmphony.server.log import LOGGER, log
from ssmphony.server.metrics import Metrics
from ssmphony.server.names import VoiceNames
from ssmphony.server.record import Record
from ssmphony.server.settings import ServeSettings
from ssmphony.server.speech import check_length
from ssmphony.server.style import find_reference, load_references
from ssmphony.server.wyoming_voices import choose, describe
from ssmphony.types import Reference, SsmphonyError, Style

_log = logging.getLogger(LOGGER)
_GONE = (OSError, EOFError)
"""The client has left, or takes nothing."""
_INTERNAL = ApiError(500, *INTERNAL)


def bind(uri: str, *, shared: bool = False) -> socket.socket:
    """A listening socket for ``tcp://HOST:PORT``; ``shared`` with other processes that ask for the same.

    Raises `SsmphonyError` where there is none to be had.
    """
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = parts = None
    if parts is None or parts.scheme != "tcp" or not host or port is None or parts.path.strip("/"):
        raise SsmphonyError(f"--wyoming {uri}: write it as tcp://127.0.0.1:10200")
    listener: socket.socket | None = None
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise SsmphonyError(f"--wyoming {uri}: {(error.strerror or str(error)).lower()}") from None
    if not is_loopback(listener):
        log("Wyoming has no key: anyone who reaches this port can use it", logging.WARNING, uri=uri)
    return listener


@asynccontextmanager
async def answering(
    listener: socket.socket, engine: Engine, settings: ServeSettings, metrics: Metrics
) -> AsyncGenerator[None, None]:
    """Answer at ``listener`` as long as the block runs. At its end, what is being spoken is spoken to its end."""
    clients: dict[asyncio.Task[None], _Client] = {}
    references = load_references(settings)
    names = VoiceNames.of(engine, settings.aliases, references)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        clients[task] = _Client(reader, writer, engine, names, references, settings, metrics)
        try:
            await clients[task].run(full=len(clients) > settings.connections)
        finally:
            del clients[task]

    server = await asyncio.start_server(accept, sock=listener)
    host, port = listener.getsockname()[:2]
    log("answering Wyoming", uri=f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}")
    announcing = announced(listener, shared=settings.workers > 1) if settings.zeroconf else nullcontext()
    try:
        async with announcing:
            yield
    finally:
        server.close()
        for client in clients.values():
            client.end()
        if clients:
            await asyncio.wait(clients, timeout=settings.drain_s)
        for client in clients.values():
            client.abort()


def is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


class _Voice(BaseModel):
    name: str | None = None
    language: str | None = None
    speaker: str | None = None


class _Asked(BaseModel):
    """What a request may say. Wyoming's own classes take anything."""

    voice: _Voice | None = None
    text_format: Literal["text", "ssml"] | None = None


class _Text(BaseModel):
    text: str


_Data = TypeVar("_Data", bound=BaseModel)


class _Client:
    """One connection. Text is read while sound is sent, so that a client that leaves is noticed at once."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        engine: Engine,
        names: VoiceNames,
        references: Mapping[str, Reference],
        settings: ServeSettings,
        metrics: Metrics,
    ) -> None:
        self._reader = reader
        self._bounded = cast(asyncio.StreamReader, _Bounded(reader, settings.body_bytes))
        self._writer = writer
        self._address: str | None = (writer.get_extra_info("peername") or (None,))[0]
        self._engine, self._names, self._settings, self._metrics = engine, names, settings, metrics
        self._references = references
        self._written: tuple[Stream, Record] | None = None
        """What `SynthesizeStart` opened and `SynthesizeStop` has not ended."""
        self._stream: Stream | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._answers: tuple[tuple[type[Eventable], Callable[[Event], Awaitable[None]]], ...] = (
            (Describe, self._describe),
            (Ping, self._ping),
            (Synthesize, self._synthesize),
            (SynthesizeStart, self._start),
            (SynthesizeChunk, self._chunk),
            (SynthesizeStop, self._stop),
        )

    @property
    def speaks(self) -> bool:
        """Whether sound is still to come of text that is complete."""
        return self._speaking is not None and not self._speaking.done() and self._written is None

    def end(self) -> None:
        """Leave when what is being spoken is spoken."""
        if self._speaking is not None and self.speaks:
            self._speaking.add_done_callback(lambda _: self._writer.close())
        else:
            self.abort()

    def abort(self) -> None:
        self._writer.transport.abort()

    async def run(self, *, full: bool) -> None:
        try:
            if full:
                raise ApiError(503, "the server has too many connections: try again later", "too_many_connections")
            while (event := await self._next()) is not None:
                for kind, answer in self._answers:  # others are dropped, as the protocol asks
                    if kind.is_type(event.type):
                        await answer(event)
        except SsmphonyError as error:
            await self._refuse(as_api_error(error))
        except ApiError as error:
            await self._refuse(error)
        except _GONE:
            pass
        finally:
            await self._hush()
            self._writer.close()

    async def _hush(self) -> None:
        if self._speaking is not None and self._stream is not None:
            self._speaking.cancel()
            self._stream.cancel()  # a task that has not begun cannot do it
            await asyncio.wait({self._speaking})

    async def _next(self) -> Event | None:
        """None when the client has left, or says nothing for too long and waits for nothing."""
        reading = asyncio.ensure_future(async_read_event(self._bounded))
        try:
            while not (await asyncio.wait({reading}, timeout=self._settings.idle_s))[0]:
                if not self.speaks:
                    return None
            event = reading.result()
        except (KeyError, TypeError, AttributeError, RecursionError):
            event = None
        finally:
            reading.cancel()
        if event is None and not self._reader.at_eof():
            raise ApiError(400, "this is not an event of Wyoming", "invalid_event")
        return event

    async def _send(self, event: Eventable) -> None:
        stall = Stall(self._settings.stall_s)  # `asyncio.wait_for` would swallow a cancellation now and then
        stall.begin(self._writer.transport)
        try:
            await async_write_event(event.event(), self._writer)
        finally:
            stall.end()

    async def _refuse(self, error: ApiError) -> None:
        """Before a request is complete."""
        record = Record("wyoming", client=self._address) if self._written is None else self._written[1]
        record.status, record.problem = error.status_code, error.message
        await self._hush()
        if self._written is None:
            self._note(record)
        await self._fail(error)

    async def _fail(self, error: ApiError) -> None:
        try:
            await self._send(Error(error.message, error.code))
        except _GONE:
            self.abort()

    def _note(self, record: Record) -> None:
        record.end()
        self._metrics.count(record)
        log("request", **record.fields())

    # -- events ---------------------------------------------------------------------------------------------------

    async def _describe(self, event: Event) -> None:
        await self._send(describe(self._engine))

    async def _ping(self, event: Event) -> None:
        await self._send(Pong(_parse(_Ping, event).text))

    async def _synthesize(self, event: Event) -> None:
        if self._written is not None:
            return  # the whole text again, for servers that take none in pieces
        text = _parse(_Text, event).text
        await self._begin(event, clauses=False)
        self._write(text)
        self._finish()

    async def _start(self, event: Event) -> None:
        if self._written is not None:
            raise ApiError(400, "synthesize-start inside another: send synthesize-stop first", "invalid_event")
        await self._begin(event, clauses=True)

    async def _chunk(self, event: Event) -> None:
        self._write(_parse(_Text, event).text)

    async def _stop(self, event: Event) -> None:
        self._finish()

    async def _begin(self, event: Event, *, clauses: bool) -> None:
        """Open a stream for text, and speak what comes, after what is being spoken."""
        if self._speaking is not None:
            await asyncio.wait({self._speaking})
        voice = _parse(_Asked, event).voice or _Voice()
        target = choose(self._engine, self._names, voice.name, voice.language, voice.speaker)
        record = Record("wyoming", client=self._address, voice=target.voice, watermark=self._settings.watermark)
        stream = self._engine.open(
            target.voice,
            Style(speaker=target.speaker, reference=find_reference(self._references, target.reference)),
            deadline_s=self._settings.deadline_s(self._settings.max_characters),
            clauses=clauses,
        )
        self._stream, self._written = stream, (stream, record)
        self._speaking = asyncio.ensure_future(self._speak(stream, record, streaming=clauses))

    def _write(self, text: str) -> None:
        if self._written is None:
            raise ApiError(400, "text without a beginning: send synthesize-start first", "invalid_event")
        stream, record = self._written
        record.characters += len(text)
        if self._settings.log_text:
            record.text = (record.text or "") + text
        check_length(record.characters, self._settings)
        stream.write(text)

    def _finish(self) -> None:
        if self._written is None:
            raise ApiError(400, "the end of a text that was not begun", "invalid_event")
        self._written[0].finish()
        self._written = None

    # -- sound ----------------------------------------------------------------------------------------------------

    async def _speak(self, stream: Stream, record: Record, *, streaming: bool) -> None:
        try:
            await self._play(stream, record)
            if streaming:
                await self._send(SynthesizeStopped())
            record.status = 200
        except _GONE:
            record.problem = "the client has left, or takes nothing of what is sent"
            self.abort()
        except Exception as error:
            answered = _INTERNAL if not isinstance(error, SsmphonyError) else as_api_error(error)
            if answered is _INTERNAL:
                _log.exception("a request over Wyoming failed")
            record.status, record.problem = answered.status_code, answered.message
            await self._fail(answered)
            self._writer.close()
        finally:
            stream.cancel()
            self._note(record)

    async def _play(self, stream: Stream, record: Record) -> None:
        form: dict[str, Any] = {"rate": stream.sample_rate, "width": 2, "channels": 1}
        await self._send(AudioStart(**form, timestamp=0))
        async for chunk in sound(stream, record):
            if len(chunk.samples):
                record.sent(chunk)
                await self._send(AudioChunk(**form, audio=pcm16(chunk.samples), timestamp=round(1000 * chunk.start_s)))
        if record.characters and not record.seconds:
            chunk = silence(stream)
            record.sent(chunk)
            await self._send(AudioChunk(**form, audio=pcm16(chunk.samples), timestamp=0))
        await self._send(AudioStop(round(1000 * record.seconds)))


class _Ping(BaseModel):
    text: str | None = None


def _parse(kind: type[_Data], event: Event) -> _Data:
    try:
        return kind.model_validate(event.data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "data"
        message = f"{event.type}: {place}: {first['msg'][:1].lower()}{first['msg'][1:]}"
        raise ApiError(400, message, "invalid_event") from None


class _Bounded:
    """A reader of events that will not hold more than ``most`` bytes of one."""

    def __init__(self, reader: asyncio.StreamReader, most: int) -> None:
        self._reader, self._most = reader, most

    async def readline(self) -> bytes:
        return await self._reader.readline()

    async def readexactly(self, count: int) -> bytes:
        if count > self._most:
            raise ApiError(413, f"the event is larger than {self._most} bytes", "body_too_large")
        return await self._reader.readexactly(count)
