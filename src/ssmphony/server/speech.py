"""``POST /v1/audio/speech``: a text in, its sound out."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from ssmphony.audio.encoding import MEDIA_TYPES, output_rate
from ssmphony.engine import Engine, Stream
from ssmphony.server.catalogue import EngineHere
from ssmphony.server.delivery import NOTHING_SPOKEN, SoundResponse, as_audio, as_events, begun, encoded
from ssmphony.server.errors import TOO_SLOW, ApiError, ErrorResponse, api_errors, error_body
from ssmphony.server.lexicon import frontend_with
from ssmphony.server.limits import RECORD
from ssmphony.server.names import Target, VoiceNames
from ssmphony.server.record import Record
from ssmphony.server.requests import SoundOptions, SpeechOptions, SpeechRequest, VoiceId
from ssmphony.server.settings import ServeSettings
from ssmphony.server.timestamps import LINES, OBJECT, TimedSound, in_lines, in_object
from ssmphony.server.whole import complete, send_whole

router = APIRouter(tags=["speech"])
_EVENTS = "text/event-stream"
_EVENT = {
    "type": "object",
    "description": "Each event; its data is JSON.",
    "properties": {"data": {"type": "string", "contentMediaType": "application/json"}},
    "required": ["data"],
}


def _error(status: int, description: str, message: str, code: str) -> dict[str, Any]:
    return {
        "model": ErrorResponse,
        "description": description,
        "content": {"application/json": {"example": error_body(status, message, code)}},
    }


_EXAMPLES = {
    400: ("The request is not valid.", "unknown voice 'asha'; this server has default", "voice_not_found"),
    401: ("The key is wrong.", "wrong or missing API key", "invalid_api_key"),
    408: ("The body came too slowly.", *TOO_SLOW),
    413: ("The body is too large.", "the body is larger than 862144 bytes", "body_too_large"),
    429: ("All places are taken.", "the server is busy: try again later", "server_busy"),
    500: ("The server's own fault.", "the voice failed on this text", "voice_failed"),
    503: ("The server is being stopped.", "the server is shutting down", "shutting_down"),
    504: ("It took too long.", "not spoken within 600 s", "timeout"),
}
ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorResponse, "description": "Any other mistake of the request."},
    **{status: _error(status, *example) for status, example in _EXAMPLES.items()},
}
_SOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The sound, whole or as it is made.",
        "content": {
            **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()},
            _EVENTS: {
                "schema": _EVENT,
                "example": 'data: {"type": "speech.audio.delta", "audio": "UklGR..."}\n\n'
                'data: {"type": "speech.audio.done", "usage": {"input_tokens": 14, "output_tokens": 1250, '
                '"total_tokens": 1264}}\n\n',
            },
            LINES: {"schema": {"$ref": "#/components/schemas/TimedSound"}},
        },
    }
}
TIMED_SOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "model": TimedSound,
        "description": "The sound in base64 and the times of its words: an object a line, or one object.",
        "content": {LINES: {"schema": {"$ref": "#/components/schemas/TimedSound"}}},
    }
}


@router.post("/v1/audio/speech", response_class=Response, responses={**_SOUND, **ERRORS})
async def create_speech(request: Request, body: SpeechRequest, engine: EngineHere) -> Response:
    """Speak a text. Sound that is sent as it is made is broken off by an error after its beginning."""
    if body.return_timestamps:
        if body.stream_format == "sse":
            message = "word times come in JSON lines, not in events: leave out 'stream_format' or 'return_timestamps'"
            raise ApiError(400, message, "invalid_value", "return_timestamps")
        return await timed_speech(request, engine, body, lines=body.stream is not False)
    if body.stream_format == "audio":
        return await plain_speech(request, engine, body, body.input)
    if body.stream is False:
        message = "events are a stream: leave out 'stream', or ask for the 'audio' of 'stream_format'"
        raise ApiError(400, message, "invalid_value", "stream")
    stream, record = await open_stream(request, engine, body, body.input)
    pieces = await begun(encoded(stream, body.response_format, record, body.sample_rate), request)
    return _noted(SoundResponse(as_events(pieces, record), stream, _EVENTS), record)


async def plain_speech(
    request: Request, engine: Engine, asked: SoundOptions, text: str, written: str | None = None
) -> Response:
    """The sound of a text, whole or as it is made; see `open_stream`."""
    whole = asked.whole(text if written is None else written)
    stream, record = await open_stream(request, engine, asked, text, written)
    name, rate = asked.response_format, output_rate(asked.response_format, stream.sample_rate, asked.sample_rate)
    if whole:
        pieces = encoded(stream, name, record, rate, whole=True)
        return _noted(await send_whole(pieces, name, rate, record, request), record)
    pieces = await begun(encoded(stream, name, record, rate), request)
    headers = {"X-Sample-Rate": str(rate)}
    return _noted(SoundResponse(as_audio(pieces, record), stream, MEDIA_TYPES[name], headers), record)


async def timed_speech(
    request: Request, engine: Engine, body: SpeechRequest, *, timed: bool = True, lines: bool = True
) -> Response:
    """Speak a text and tell when its words are spoken: in JSON lines as the sound is made, or in one object."""
    stream, record = await open_stream(request, engine, body, body.input)
    name, rate = body.response_format, output_rate(body.response_format, stream.sample_rate, body.sample_rate)
    pieces = encoded(stream, name, record, rate, whole=not lines)
    pieces = await begun(pieces if lines else complete(pieces, name, rate, request.app.state.held), request)
    kind = MEDIA_TYPES[name]
    answer = in_lines(pieces, kind, timed) if lines else in_object(pieces, kind, timed)
    headers = {"X-Sample-Rate": str(rate)}
    return _noted(SoundResponse(as_audio(answer, record), stream, LINES if lines else OBJECT, headers), record)


def _noted(response: Response, record: Record) -> Response:
    if not record.spoken:
        response.headers[NOTHING_SPOKEN] = "true"
    return response


async def open_stream(
    request: Request, engine: Engine, asked: SpeechOptions, text: str, written: str | None = None
) -> tuple[Stream, Record]:
    """Have ``text`` spoken as a request asks for; ``written`` is what the client sent where that is something else.

    Raises `ApiError` for what is wrong with it.
    """
    written = text if written is None else written
    settings: ServeSettings = request.app.state.settings
    record: Record = request.scope[RECORD]
    target = find_voice(request, asked.voice, asked.speaker)
    record.voice = target.voice
    record.characters = len(written)
    record.text = written if settings.log_text else None
    check_length(len(written), settings)
    frontend = await frontend_with(engine, record.voice, asked.lexicon)
    with api_errors():
        stream = engine.stream(
            text,
            record.voice,
            asked.style(target, request.app.state.references),
            deadline_s=settings.deadline_s(len(written)),
            frontend=frontend,
        )
    return stream, record


def find_voice(request: Request, voice: str | VoiceId | None, speaker: str | None = None) -> Target:
    """The voice and speaker of a request. Raises `ApiError` for an unknown name."""
    names: VoiceNames = request.app.state.names
    return names.find(voice.id if isinstance(voice, VoiceId) else voice, speaker)


def check_length(characters: int, settings: ServeSettings, param: str = "input") -> None:
    if characters > settings.max_characters:
        message = f"the text has {characters} characters; this server speaks {settings.max_characters} at a time"
        raise ApiError(400, message, "string_above_max_length", param)
