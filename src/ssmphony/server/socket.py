"""``/v1/audio/speech/stream``: text in as it is written, sound and word times out, one utterance after another.

The client sends the JSON messages of `messages`. The server sends ``started``, sound as binary frames, ``words`` after
the sound in which they end, and for each utterance one ``done`` or one ``error``. An error outside an utterance changes
nothing.
"""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.websockets import WebSocketState

from ssmphony.audio.encoding import Format, output_rate
from ssmphony.engine import Engine, Stream
from ssmphony.server.delivery import encoded
from ssmphony.server.errors import ApiError, as_api_error
from ssmphony.server.lexicon import frontend_with
from ssmphony.server.limits import KEY_PROTOCOL, RECORD
from ssmphony.server.log import log
from ssmphony.server.messages import Finish, Flush, Message, Start, Text, join_surrogates, read
from ssmphony.server.metrics import Metrics
from ssmphony.server.names import VoiceNames
from ssmphony.server.record import CLIENT_GONE, Record
from ssmphony.server.settings import ServeSettings
from ssmphony.server.speech import check_length
from ssmphony.types import AudioChunk, SsmphonyError

router = APIRouter()
PATH = "/v1/audio/speech/stream"
SUBPROTOCOL = "realtime"
"""Chosen where a browser offers it along with its key."""


@dataclass
class Utterance:
    stream: Stream
    format: Format
    sample_rate: int
    record: Record
    finished: bool = False
    half: str = ""
    """Of a surrogate pair: the other half comes with the next text."""
    task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        return self.task is not None and self.task.done()


@router.websocket(PATH)
async def speak(socket: WebSocket) -> None:
    state = socket.app.state
    if not _same_site(socket, state.settings):
        refusal = ApiError(403, "pages of other sites may not speak here: see --cors-origin", "wrong_origin")
        await socket.send_denial_response(refusal.response())
        return
    await socket.accept(SUBPROTOCOL if SUBPROTOCOL in _offered(socket) else None)
    session = Session(socket, state.engine, state.settings, state.metrics, state.stopping)
    try:
        await session.run()
    except WebSocketDisconnect:
        socket.scope[RECORD].status = CLIENT_GONE


def _offered(socket: WebSocket) -> list[str]:
    return [name for name in socket.scope.get("subprotocols", ()) if not name.startswith(KEY_PROTOCOL)]


def _same_site(socket: WebSocket, settings: ServeSettings) -> bool:
    """Browsers let any page open a WebSocket to anywhere, and say only where the page is from."""
    origin = socket.headers.get("origin")
    if origin is None or origin in settings.cors_origins or "*" in settings.cors_origins:
        return True
    return urlsplit(origin).netloc == socket.headers.get("host")


class Session:
    """One WebSocket. Messages are read here, sound is sent by a task of its own."""

    def __init__(
        self, socket: WebSocket, engine: Engine, settings: ServeSettings, metrics: Metrics, stopping: asyncio.Event
    ) -> None:
        self._socket, self._engine, self._settings, self._metrics = socket, engine, settings, metrics
        self._stopping = stopping
        self._utterance: Utterance | None = None
        self._active = time.monotonic()
        """When the client last sent a message, or was sent sound."""

    async def run(self) -> None:
        """Serve the socket to its end. Raises `WebSocketDisconnect` where a message finds the client gone."""
        closing = asyncio.ensure_future(self._close_at_stop())
        try:
            while (message := await self._next()) is not None:
                try:
                    await self._take(message)
                except ApiError as error:
                    await self._say_error(error)
                except SsmphonyError as error:
                    await self._say_error(as_api_error(error))
        finally:
            closing.cancel()
            await self._stop()

    async def _close_at_stop(self) -> None:
        """When the server stops, close the socket, but not before the end of an utterance that has text."""
        await self._stopping.wait()
        while (current := self._current()) is not None and current.task is not None and current.record.characters:
            await asyncio.wait({current.task})
        with suppress(WebSocketDisconnect):
            await self._send({"type": "websocket.close", "code": 1012, "reason": "the server stops"})

    async def _next(self) -> Message | None:
        """The next message; None where the client has left or said nothing for too long."""
        while True:
            try:
                left = self._active + self._settings.idle_s - time.monotonic()
                raw = await asyncio.wait_for(self._socket.receive(), max(left, 0.0))
            except (asyncio.TimeoutError, TimeoutError):
                if not self._is_idle():
                    continue
                idle = f"no message for {self._settings.idle_s:g} s"
                await self._say_error(ApiError(408, idle, "idle_timeout"))
                await self._send({"type": "websocket.close", "code": 1000, "reason": "idle"})
                return None
            if raw["type"] == "websocket.disconnect":
                return None
            self._active = time.monotonic()
            try:
                return read(raw.get("text") or raw.get("bytes") or b"")
            except ApiError as error:
                await self._say_error(error)

    def _is_idle(self) -> bool:
        current = self._current()
        if current is not None and current.finished:
            self._active = time.monotonic()  # the client has nothing to say until the utterance has ended
        return time.monotonic() - self._active >= self._settings.idle_s

    async def _take(self, message: Message) -> None:
        current = self._current()
        if isinstance(message, Start):
            if current is not None:
                raise ApiError(409, "the utterance before is not done: wait, or send 'cancel'", "already_started")
            await self._start(message)
        elif current is None:
            if self._utterance is None or isinstance(message, Text):
                raise ApiError(409, f"'{message.type}' without an utterance: send 'start'", "not_started")
        elif isinstance(message, Text):
            await self._write(current, message.text)
        elif isinstance(message, Flush):
            current.stream.flush()
        elif isinstance(message, Finish):
            current.finished = True
            current.stream.finish()
        else:
            await self._stop()
            await self._say({"type": "done", "seconds": round(current.record.seconds, 6), "cancelled": True})

    async def _start(self, message: Start) -> None:
        if self._stopping.is_set():
            raise ApiError(503, "the server is shutting down: try again", "shutting_down")
        record = Record(PATH, client=self._socket.scope[RECORD].client, watermark=self._settings.watermark)
        names: VoiceNames = self._socket.app.state.names
        target = names.find(message.voice, message.speaker)
        record.voice = voice = target.voice
        frontend = await frontend_with(self._engine, voice, message.lexicon)
        rate = output_rate(message.format, self._engine.voices[voice].sample_rate, message.sample_rate)
        stream = self._engine.open(
            record.voice,
            message.style(target, self._socket.app.state.references),
            deadline_s=self._settings.deadline_s(self._settings.max_characters),
            frontend=frontend,
        )
        self._utterance = current = Utterance(stream, message.format, rate, record)
        await self._say({"type": "started", "sample_rate": rate, "voice": record.voice})
        current.task = asyncio.create_task(self._speak(current))

    async def _write(self, current: Utterance, text: str) -> None:
        record = current.record
        text, current.half = join_surrogates(current.half + text)
        if text and not record.characters:
            record.begin()
        record.characters += len(text)
        if self._settings.log_text:
            record.text = (record.text or "") + text
        try:
            check_length(record.characters, self._settings)
        except ApiError:
            await self._stop()
            raise
        current.stream.write(text)

    async def _speak(self, current: Utterance) -> None:
        """Send an utterance to its end. Whatever happens, its record is kept."""
        record = current.record
        try:
            async for piece in encoded(current.stream, current.format, record, current.sample_rate):
                if piece.data:
                    await self._send({"type": "websocket.send", "bytes": piece.data})
                    self._active = time.monotonic()
                if piece.chunk is not None and piece.chunk.words:
                    await self._say(_words(piece.chunk))
            record.status = 200
            nothing = {} if record.spoken else {"nothing_spoken": True}
            await self._say({"type": "done", "seconds": round(record.seconds, 6), **nothing})
        except (SsmphonyError, ApiError) as raised:
            error = raised if isinstance(raised, ApiError) else as_api_error(raised)
            record.status, record.problem = error.status_code, error.message
            with suppress(WebSocketDisconnect):
                await self._say_error(error)
        except WebSocketDisconnect:
            record.status = CLIENT_GONE
        finally:
            current.stream.cancel()
            record.end()
            self._metrics.count(record)
            log("utterance", **record.fields())

    def _current(self) -> Utterance | None:
        """The utterance that is being spoken."""
        return None if self._utterance is None or self._utterance.over else self._utterance

    async def _stop(self) -> None:
        current = self._current()
        if current is None:
            return
        current.stream.cancel()
        if current.task is not None:
            current.task.cancel()
            await asyncio.wait({current.task})

    async def _say(self, message: dict[str, Any]) -> None:
        await self._send({"type": "websocket.send", "text": json.dumps(message, ensure_ascii=False)})

    async def _send(self, message: dict[str, Any]) -> None:
        """Raises `WebSocketDisconnect` where the socket is closed, by either side."""
        if WebSocketState.DISCONNECTED in (self._socket.client_state, self._socket.application_state):
            raise WebSocketDisconnect(1006)
        await self._socket.send(message)

    async def _say_error(self, error: ApiError) -> None:
        await self._say({"type": "error", "message": error.message, "code": error.code})


def _words(chunk: AudioChunk) -> dict[str, Any]:
    words = [
        {
            "text": word.text,
            "start_s": round(word.start_s, 6),
            "end_s": round(word.end_s, 6),
            "start": word.start,
            "end": word.end,
        }
        for word in chunk.words
    ]
    return {"type": "words", "words": words}
