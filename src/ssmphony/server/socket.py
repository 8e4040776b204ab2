"""``/v1/audio/speech/stream``: text in as it is written, sound and word times out, one utterance after another.

The client sends JSON: ``start`` (voice, speaker, speed, pitch, format), ``text``, ``flush``, ``finish``, ``cancel``.
The server sends ``started``, sound as binary frames, ``words`` behind the sound in which they end, and for each
utterance one ``done`` or one ``error``. An error outside an utterance changes nothing.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from ssmphony.audio.encoding import Format
from ssmphony.engine import Engine, Stream
from ssmphony.server.catalogue import resolve
from ssmphony.server.delivery import NOTHING, encoded
from ssmphony.server.errors import ApiError, as_api_error
from ssmphony.server.lexicon import LexiconField, frontend_with
from ssmphony.server.limits import KEY_PROTOCOL
from ssmphony.server.log import log
from ssmphony.server.metrics import Metrics
from ssmphony.server.record import CLIENT_GONE, Record
from ssmphony.server.settings import ServeSettings
from ssmphony.server.speech import check_length
from ssmphony.types import AudioChunk, SsmphonyError

router = APIRouter()
PATH = "/v1/audio/speech/stream"
SUBPROTOCOL = "realtime"
"""Chosen where a browser offers it beside its key."""


class _Message(BaseModel):
    model_config = ConfigDict(strict=True)


class Start(_Message):
    type: Literal["start"]
    voice: str | None = None
    speaker: str | None = None
    speed: Annotated[float, Field(ge=0.25, le=4.0, allow_inf_nan=False)] = 1.0
    pitch: Annotated[float, Field(ge=-12, le=12, allow_inf_nan=False)] = 0.0
    format: Format = "pcm"
    lexicon: LexiconField = None


class Text(_Message):
    type: Literal["text"]
    text: str


class Flush(_Message):
    type: Literal["flush"]


class Finish(_Message):
    type: Literal["finish"]


class Cancel(_Message):
    type: Literal["cancel"]


Message = Start | Text | Flush | Finish | Cancel
_messages: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


@dataclass
class Utterance:
    stream: Stream
    format: Format
    record: Record
    finished: bool = False
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
    session = Session(socket, state.engine, state.settings, state.metrics)
    with suppress(WebSocketDisconnect):
        await session.run()


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

    def __init__(self, socket: WebSocket, engine: Engine, settings: ServeSettings, metrics: Metrics) -> None:
        self._socket, self._engine, self._settings, self._metrics = socket, engine, settings, metrics
        self._utterance: Utterance | None = None

    async def run(self) -> None:
        try:
            while (message := await self._next()) is not None:
                try:
                    await self._take(message)
                except ApiError as error:
                    await self._say_error(error)
                except SsmphonyError as error:
                    await self._say_error(as_api_error(error))
        finally:
            await self._stop()

    async def _next(self) -> Message | None:
        """The next message; None where the client has left or said nothing for too long."""
        while True:
            try:
                raw = await asyncio.wait_for(self._socket.receive(), self._settings.idle_s)
            except (asyncio.TimeoutError, TimeoutError):
                if (current := self._current()) is not None and current.finished:
                    continue  # it listens
                idle = f"no message for {self._settings.idle_s:g} s"
                await self._say_error(ApiError(408, idle, "idle_timeout"))
                await self._socket.close(1000, "idle")
                return None
            if raw["type"] == "websocket.disconnect":
                return None
            try:
                return _messages.validate_json(raw.get("text") or raw.get("bytes") or b"")
            except ValidationError as error:
                await self._say_error(_invalid(error))

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
        record = Record(PATH)
        record.voice = resolve(self._engine, message.voice)
        frontend = await frontend_with(self._engine, record.voice, message.lexicon)
        stream = self._engine.open(
            record.voice,
            speed=message.speed,
            pitch=message.pitch,
            speaker=message.speaker,
            deadline_s=self._settings.deadline_s(self._settings.max_characters),
            frontend=frontend,
        )
        self._utterance = current = Utterance(stream, message.format, record)
        await self._say({"type": "started", "sample_rate": stream.sample_rate, "voice": record.voice})
        current.task = asyncio.create_task(self._speak(current))

    async def _write(self, current: Utterance, text: str) -> None:
        record = current.record
        if not record.characters:
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
            async for piece in encoded(current.stream, current.format, record):
                if piece.data:
                    await self._socket.send_bytes(piece.data)
                if piece.chunk is not None and piece.chunk.words:
                    await self._say(_words(piece.chunk))
            if record.characters and not record.seconds:
                raise ApiError(400, NOTHING, "nothing_to_speak")
            record.status = 200
            await self._say({"type": "done", "seconds": round(record.seconds, 6)})
        except (SsmphonyError, ApiError) as raised:
            error = raised if isinstance(raised, ApiError) else as_api_error(raised)
            record.status, record.problem = error.status_code, error.message
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._say_error(error)
        except (WebSocketDisconnect, RuntimeError):  # what Starlette raises when the socket is closed
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
        await self._socket.send_json(message)

    async def _say_error(self, error: ApiError) -> None:
        message = error.message.encode("utf-8", "replace").decode()
        await self._say({"type": "error", "message": message, "code": error.code})


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


def _invalid(error: ValidationError) -> ApiError:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"][1:])
    where = f"'{place}': " if place else ""
    return ApiError(400, f"not a message: {where}{first['msg'][:200]}", "invalid_message")
