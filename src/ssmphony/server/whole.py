"""Sound that is sent when all of it is made, as a file whose header has its true length."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace

import numpy as np
from fastapi import Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from ssmphony.audio.encoding import MEDIA_TYPES, Format, wav_header
from ssmphony.server.delivery import Piece, while_listening
from ssmphony.server.errors import ApiError
from ssmphony.server.record import CLIENT_GONE, Record

_PIECE_BYTES = 65_536
_NO_SAMPLES = np.zeros(0, np.float32)


class Room:
    """How many seconds of sound may be held at once, by all answers that are sent whole."""

    def __init__(self, most_s: float) -> None:
        self.most_s, self.held_s = most_s, 0.0


class Held:
    """One answer's part of a room."""

    def __init__(self, room: Room) -> None:
        self._room, self._seconds = room, 0.0

    def add(self, seconds: float) -> None:
        """Raises `ApiError` where there is no place for so much."""
        room = self._room
        if self._seconds + seconds > room.most_s:
            message = f"the sound is longer than {room.most_s:g} s, the most that is sent whole: ask for 'stream': true"
            raise ApiError(400, message, "sound_too_long", "stream")
        if room.held_s + seconds > room.most_s:
            message = "the server holds as much sound as it may for answers that are sent whole"
            raise ApiError(429, f"{message}: try again, or ask for 'stream': true", "server_busy")
        self._seconds += seconds
        room.held_s += seconds

    def release(self) -> None:
        self._room.held_s -= self._seconds
        self._seconds = 0.0


class WholeResponse(StreamingResponse):
    """A file of known length. Frees its place when it ends, however it ends."""

    def __init__(self, parts: list[bytes], held: Held, record: Record, media_type: str, sample_rate: int) -> None:
        headers = {"Content-Length": str(sum(map(len, parts))), "X-Sample-Rate": str(sample_rate)}
        super().__init__(_pieces(parts, record), media_type=media_type, headers=headers)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._held.release()


async def send_whole(
    pieces: AsyncGenerator[Piece, None], name: Format, rate: int, record: Record, request: Request
) -> WholeResponse:
    """Send a sound that is encoded ``whole``, once all of it is here.

    Raises `ApiError` for what goes wrong, and when the client leaves.
    """
    held = Held(request.app.state.room)
    try:
        collected = await while_listening(_collect(pieces, name, rate, held), request)
    except BaseException:
        held.release()
        raise
    return WholeResponse([piece.data for piece in collected], held, record, MEDIA_TYPES[name], rate)


async def complete(
    pieces: AsyncGenerator[Piece, None], name: Format, rate: int, room: Room
) -> AsyncGenerator[Piece, None]:
    """The pieces of a sound that is encoded ``whole``, once all of them are here."""
    held = Held(room)
    try:
        for piece in await _collect(pieces, name, rate, held):
            yield piece
    finally:
        held.release()


async def _collect(pieces: AsyncGenerator[Piece, None], name: Format, rate: int, held: Held) -> list[Piece]:
    collected: list[Piece] = []
    try:
        async for piece in pieces:
            if piece.chunk is not None:
                held.add(piece.chunk.seconds)
                piece = piece._replace(chunk=replace(piece.chunk, samples=_NO_SAMPLES))  # `data` has them
            collected.append(piece)
    finally:
        await pieces.aclose()
    if name == "wav":
        header = wav_header(rate, sum(len(piece.data) for piece in collected))
        collected.insert(0, Piece(header, None))
    return collected


async def _pieces(parts: list[bytes], record: Record) -> AsyncGenerator[bytes, None]:
    try:
        for part in parts:
            for first in range(0, len(part), _PIECE_BYTES):
                yield part[first : first + _PIECE_BYTES]
    except (asyncio.CancelledError, GeneratorExit):
        record.status = CLIENT_GONE
        raise
