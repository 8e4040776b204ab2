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
from ssmphony.audio.tags import DISCLOSURE
from ssmphony.server.delivery import Piece, while_listening
from ssmphony.server.errors import ApiError
from ssmphony.server.record import CLIENT_GONE, Record

_PIECE_BYTES = 65_536
_NO_SAMPLES = np.zeros(0, np.float32)


class SoundBudget:
    """The seconds of sound that all answers sent whole may hold together."""

    def __init__(self, max_s: float) -> None:
        self.max_s, self.held_s = max_s, 0.0


class Held:
    """The share of one answer."""

    def __init__(self, budget: SoundBudget) -> None:
        self._budget, self._seconds = budget, 0.0

    def add(self, seconds: float) -> None:
        """Raises `ApiError` where that is more than the budget allows."""
        budget = self._budget
        if self._seconds + seconds > budget.max_s:
            message = (
                f"the sound is longer than {budget.max_s:g} s, the most that is sent whole: ask for 'stream': true"
            )
            raise ApiError(400, message, "sound_too_long", "stream")
        if budget.held_s + seconds > budget.max_s:
            message = "the server holds as much sound as it may for answers that are sent whole"
            raise ApiError(429, f"{message}: try again, or ask for 'stream': true", "server_busy")
        self._seconds += seconds
        budget.held_s += seconds

    def release(self) -> None:
        self._budget.held_s -= self._seconds
        self._seconds = 0.0


class WholeResponse(StreamingResponse):
    """A file of known length. Frees its place when it ends, however it ends."""

    def __init__(self, parts: list[bytes], held: Held, record: Record, media_type: str, sample_rate: int) -> None:
        length = str(sum(map(len, parts)))
        headers = {"Content-Length": length, "X-Sample-Rate": str(sample_rate), **DISCLOSURE}
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
    held = Held(request.app.state.held)
    try:
        collected = await while_listening(_collect(pieces, name, rate, held), request)
    except BaseException:
        held.release()
        raise
    return WholeResponse([piece.data for piece in collected], held, record, MEDIA_TYPES[name], rate)


async def complete(
    pieces: AsyncGenerator[Piece, None], name: Format, rate: int, budget: SoundBudget
) -> AsyncGenerator[Piece, None]:
    """The pieces of a sound that is encoded ``whole``, once all of them are here."""
    held = Held(budget)
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
