"""From a stream of the engine to bytes for a client, as the sound is made."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple, ParamSpec, TypeVar

import numpy as np
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ssmphony.audio.encoding import PLAIN, Format, make_encoder
from ssmphony.audio.tags import DISCLOSURE
from ssmphony.audio.watermark import Watermark
from ssmphony.engine import Stream
from ssmphony.server.errors import ApiError, StreamBroken, api_errors, as_api_error
from ssmphony.server.record import CLIENT_GONE, Record
from ssmphony.types import AudioChunk, SsmphonyError

P = ParamSpec("P")
T = TypeVar("T")
SILENCE_S = 0.1
"""Of a text that holds nothing to speak, such as an emoji: clients take an answer without sound for a fault."""
NOTHING_SPOKEN = "X-Nothing-Spoken"
"""The header of an answer whose text held nothing to speak."""


class Piece(NamedTuple):
    data: bytes
    chunk: AudioChunk | None
    """What was encoded; ``data`` may be of chunks before. None at the end."""


async def encoded(
    stream: Stream, name: Format, record: Record, rate: int | None = None, *, whole: bool = False
) -> AsyncGenerator[Piece, None]:
    """Encode what a stream says, or a short silence for a text with nothing to speak.

    With ``whole``, compressed data comes at the end, and wav without its header: see `make_encoder`. Cancels the
    stream when no more is wanted; raises what the stream raises.
    """
    apart = name not in PLAIN or rate not in (None, stream.sample_rate)
    try:
        encoder = await _call(apart, make_encoder, name, stream.sample_rate, rate, whole=whole)
        async for chunk in sound(stream, record):
            data = await _call(apart, encoder.encode, chunk.samples)
            record.sent(chunk)
            yield Piece(data, chunk)
        if record.characters and not record.seconds:
            record.spoken = False
            chunk = silence(stream)
            data = await _call(apart, encoder.encode, chunk.samples)
            record.sent(chunk)
            yield Piece(data, chunk)
        if record.seconds:
            yield Piece(await _call(apart, encoder.finish), None)
    finally:
        stream.cancel()


async def sound(stream: Stream, record: Record) -> AsyncIterator[AudioChunk]:
    """The chunks of a stream, marked where the server marks what it speaks."""
    watermark = Watermark(stream.sample_rate) if record.watermark else None
    async for chunk in stream:
        yield watermark.mark(chunk) if watermark else chunk
    if watermark and len((rest := watermark.rest(stream.sample_rate)).samples):
        yield rest


def silence(stream: Stream) -> AudioChunk:
    """The sound of a text that holds nothing to speak."""
    return AudioChunk(np.zeros(round(SILENCE_S * stream.sample_rate), np.float32), stream.sample_rate)


async def _call(apart: bool, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Compression takes milliseconds that others would wait for: it has a thread of its own."""
    return await asyncio.to_thread(work, *args, **kwargs) if apart else work(*args, **kwargs)


async def begun(pieces: AsyncGenerator[Piece, None], request: Request) -> AsyncGenerator[Piece, None]:
    """The same pieces, once there is sound, so that an error before it has a status of its own.

    Raises `ApiError` for what went wrong, and when the client has left.
    """
    return _chain(await while_listening(_to_sound(pieces), request), pieces)


async def while_listening(work: Coroutine[Any, Any, T], request: Request) -> T:
    """The result of ``work``, which ends when the client leaves.

    Raises `ApiError` for what went wrong, and when the client has left.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ApiError(CLIENT_GONE, "the client has left", "client_gone")
        with api_errors():
            return task.result()
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue


async def _to_sound(pieces: AsyncGenerator[Piece, None]) -> list[Piece]:
    before: list[Piece] = []
    async for piece in pieces:
        before.append(piece)
        if piece.chunk is not None and len(piece.chunk.samples):
            break
    return before


async def _chain(before: list[Piece], pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[Piece, None]:
    try:
        for piece in before:
            yield piece
        async for piece in pieces:
            yield piece
    finally:
        await pieces.aclose()


async def as_audio(pieces: AsyncGenerator[Piece, None], record: Record) -> AsyncGenerator[bytes, None]:
    """The body of an answer that is sound. Breaks the answer off where the sound fails."""
    try:
        async for piece in pieces:
            if piece.data:
                yield piece.data
    except SsmphonyError as error:
        answered = as_api_error(error)
        record.status = answered.status_code
        raise StreamBroken(answered.message) from error
    except (asyncio.CancelledError, GeneratorExit):
        record.status = CLIENT_GONE
        raise
    finally:
        await pieces.aclose()


async def as_events(pieces: AsyncGenerator[Piece, None], record: Record) -> AsyncGenerator[bytes, None]:
    """The body of an answer of server-sent events: OpenAI's ``speech.audio.delta`` and ``speech.audio.done``.

    Usage counts characters in, and milliseconds of sound out.
    """
    try:
        async for piece in pieces:
            if piece.data:
                yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece.data).decode()})
        made = round(1000 * record.seconds)
        usage = {"input_tokens": record.characters, "output_tokens": made, "total_tokens": record.characters + made}
        yield _event({"type": "speech.audio.done", "usage": usage})
    except SsmphonyError as error:
        answered = as_api_error(error)
        record.problem, record.status = answered.message, answered.status_code
        yield _event(json.loads(bytes(answered.response().body)))
    except (asyncio.CancelledError, GeneratorExit):
        record.status = CLIENT_GONE
        raise
    finally:
        await pieces.aclose()


class SoundResponse(StreamingResponse):
    """Gives its stream up when it ends, however it ends: a body that was never begun could not."""

    def __init__(
        self, body: AsyncGenerator[bytes, None], stream: Stream, media_type: str, headers: dict[str, str] | None = None
    ) -> None:
        unbuffered = {"X-Accel-Buffering": "no"}  # nginx would collect the sound before it sends any
        super().__init__(body, media_type=media_type, headers={**unbuffered, **DISCLOSURE, **(headers or {})})
        self._body, self._stream = body, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stream.cancel()
            await self._body.aclose()


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()
