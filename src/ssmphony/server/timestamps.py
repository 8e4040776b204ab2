"""Sound with the times of its words in one answer: JSON lines as they are made, one JSON object, or captions.

Each function takes the pieces of a sound and returns pieces whose data are of another form, so that they are sent, and
broken off, as plain sound is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from ssmphony.audio.timings import Timings
from ssmphony.server.delivery import Piece
from ssmphony.text.ssml import is_ssml
from ssmphony.types import AudioChunk

LINES = "application/x-ndjson"
OBJECT = "application/json"
CaptionFormat = Literal["vtt", "srt", "json"]
CAPTION_TYPES: dict[CaptionFormat, str] = {
    "vtt": "text/vtt; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "json": "application/json",
}


class WordTimestamp(BaseModel):
    """A word, its time in seconds from the start of the sound, and its place in the text."""

    word: str
    start_time: float
    end_time: float
    start_char: int
    end_char: int


class TimedSound(BaseModel):
    """The sound, or a piece of it, and the words that end in it: the fields of Kokoro-FastAPI."""

    audio: Annotated[str, Field(description="In base64; pieces may be decoded one by one and put together.")]
    audio_format: Annotated[str, Field(description="The media type of the sound.")]
    timestamps: list[WordTimestamp]


async def in_lines(pieces: AsyncGenerator[Piece, None], media_type: str, timed: bool) -> AsyncGenerator[Piece, None]:
    """A `TimedSound` a line. A word comes with the first sound that is sent after its end is known."""
    words: list[dict[str, Any]] = []
    try:
        async for data, chunk in pieces:
            if chunk is not None and timed:
                words += _timestamps(chunk)
            if data or (chunk is None and words):
                yield Piece(_line(data, media_type, words), chunk)
                words = []
    finally:
        await pieces.aclose()


async def in_object(pieces: AsyncGenerator[Piece, None], media_type: str, timed: bool) -> AsyncGenerator[Piece, None]:
    """One `TimedSound`, written as it is made, so that none of its sound has to be kept."""
    words: list[dict[str, Any]] = []
    rest = b""
    try:
        yield Piece(f'{{"audio_format": "{media_type}", "audio": "'.encode(), None)
        async for data, chunk in pieces:
            if chunk is not None and timed:
                words += _timestamps(chunk)
            rest += data
            whole = len(rest) - len(rest) % 3  # base64 of whole triples can be joined
            yield Piece(base64.b64encode(rest[:whole]), chunk)
            rest = rest[whole:]
        yield Piece(base64.b64encode(rest) + f'", "timestamps": {json.dumps(words)}}}'.encode(), None)
    finally:
        await pieces.aclose()


async def in_captions(
    pieces: AsyncGenerator[Piece, None], name: CaptionFormat, text: str, sample_rate: int
) -> AsyncGenerator[Piece, None]:
    """The captions alone, when all of ``text`` has been spoken."""
    timings = Timings(Path(f"captions.{name}"), sample_rate)
    try:
        async for _, chunk in pieces:
            if chunk is not None:
                timings.add(chunk)
                yield Piece(b"", chunk)
        yield Piece(timings.render(text, markup=is_ssml(text)).encode(errors="replace"), None)
    finally:
        await pieces.aclose()


def _timestamps(chunk: AudioChunk) -> list[dict[str, Any]]:
    return [
        WordTimestamp(
            word=word.text,
            start_time=round(word.start_s, 6),
            end_time=round(word.end_s, 6),
            start_char=word.start,
            end_char=word.end,
        ).model_dump()
        for word in chunk.words
    ]


def _line(sound: bytes, media_type: str, words: list[dict[str, Any]]) -> bytes:
    line = {"audio": base64.b64encode(sound).decode(), "audio_format": media_type, "timestamps": words}
    return json.dumps(line).encode() + b"\n"
