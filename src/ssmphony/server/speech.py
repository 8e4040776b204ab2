"""``POST /v1/audio/speech``: a text in, its sound out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ssmphony.audio.encoding import MEDIA_TYPES, Format
from ssmphony.engine import Engine, Stream
from ssmphony.server.catalogue import EngineHere, resolve
from ssmphony.server.delivery import SoundResponse, as_audio, as_events, begun, encoded
from ssmphony.server.errors import ApiError, ErrorResponse, api_errors
from ssmphony.server.lexicon import LexiconField, frontend_with
from ssmphony.server.limits import RECORD
from ssmphony.server.record import Record
from ssmphony.server.settings import ServeSettings
from ssmphony.server.timestamps import LINES, OBJECT, TimedSound, in_lines, in_object

router = APIRouter(tags=["speech"])
_EVENTS = "text/event-stream"
_EVENT = {
    "type": "object",
    "description": "Each event; its data is JSON.",
    "properties": {"data": {"type": "string", "contentMediaType": "application/json"}},
    "required": ["data"],
}


class VoiceId(BaseModel):
    id: str


VoiceName = Annotated[str | VoiceId | None, Field(description="One of /v1/audio/voices; without, the first.")]
Input = Annotated[str, Field(min_length=1, description="Plain text, or SSML in <speak>. The server limits it.")]


class SpeechOptions(BaseModel):
    """How to speak, whatever the request is for."""

    model_config = ConfigDict(strict=True)

    model: Annotated[str | None, Field(description="Any: the voice decides.")] = None
    voice: VoiceName = None
    speed: Annotated[float, Field(ge=0.25, le=4.0, allow_inf_nan=False, description="2 is twice as fast.")] = 1.0
    speaker: Annotated[str | None, Field(description="One of the voice's speakers.")] = None
    pitch: Annotated[float, Field(ge=-12, le=12, allow_inf_nan=False, description="Semitones up or down.")] = 0.0
    lexicon: LexiconField = None


class SpeechRequest(SpeechOptions):
    """What to say and how: OpenAI's fields, and ``speaker``, ``pitch`` and ``lexicon``. Other fields are ignored."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"input": "नमस्ते दुनिया।"},
                {"model": "ssmphony", "input": "आज मौसम अच्छा है।", "voice": "default", "response_format": "wav"},
                {"input": "<speak>एक <break time='300ms'/> दो</speak>", "speed": 1.2, "stream_format": "sse"},
            ]
        },
    )

    input: Input
    response_format: Annotated[Format, Field(description="pcm is 16-bit little-endian mono.")] = "mp3"
    stream_format: Annotated[
        Literal["audio", "sse"], Field(description="The sound itself, or events with the sound in base64.")
    ] = "audio"
    return_timestamps: Annotated[
        bool, Field(description="Answer with JSON lines of sound in base64 and the times of its words.")
    ] = False
    instructions: Annotated[str | None, Field(description="Accepted and ignored.")] = None


def _error(description: str, message: str, kind: str, code: str) -> dict[str, Any]:
    example = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return {
        "model": ErrorResponse,
        "description": description,
        "content": {"application/json": {"example": example}},
    }


ERRORS: dict[int | str, dict[str, Any]] = {
    400: _error(
        "The request is not valid, or there is nothing to speak in its text.",
        "unknown voice 'asha'; this server has default",
        "invalid_request_error",
        "voice_not_found",
    ),
    401: _error("The key is wrong.", "wrong or missing API key", "authentication_error", "invalid_api_key"),
    408: _error(
        "The body came too slowly.", "the request did not arrive in time", "invalid_request_error", "request_timeout"
    ),
    413: _error(
        "The body is too large.", "the body is larger than 862144 bytes", "invalid_request_error", "body_too_large"
    ),
    "4XX": {"model": ErrorResponse, "description": "Any other mistake of the request."},
    429: _error("All places are taken.", "the server is busy: try again later", "rate_limit_error", "server_busy"),
    500: _error("The server's own fault.", "the voice failed on this text", "server_error", "voice_failed"),
    503: _error("The server is being stopped.", "the server is shutting down", "server_error", "shutting_down"),
    504: _error("It took too long.", "not spoken within 600 s", "server_error", "timeout"),
}
_SOUND: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The sound, sent as it is made.",
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
    """Speak a text. The sound is sent as it is made; an error behind its beginning breaks the answer off."""
    if body.return_timestamps:
        if body.stream_format == "sse":
            message = "word times come in JSON lines, not in events: leave out 'stream_format' or 'return_timestamps'"
            raise ApiError(400, message, "invalid_value", "return_timestamps")
        return await timed_speech(request, engine, body)
    stream, record = await open_stream(request, engine, body, body.input)
    pieces = await begun(encoded(stream, body.response_format, record), request)
    if body.stream_format == "sse":
        return SoundResponse(as_events(pieces, record), stream, _EVENTS)
    headers = {"X-Sample-Rate": str(stream.sample_rate)}
    return SoundResponse(as_audio(pieces, record), stream, MEDIA_TYPES[body.response_format], headers)


async def timed_speech(
    request: Request, engine: Engine, body: SpeechRequest, *, timed: bool = True, lines: bool = True
) -> Response:
    """Speak a text and tell when its words are spoken: in JSON lines as the sound is made, or in one object."""
    stream, record = await open_stream(request, engine, body, body.input)
    pieces = await begun(encoded(stream, body.response_format, record), request)
    kind = MEDIA_TYPES[body.response_format]
    answer = in_lines(pieces, kind, timed) if lines else in_object(pieces, kind, timed)
    headers = {"X-Sample-Rate": str(stream.sample_rate)}
    return SoundResponse(as_audio(answer, record), stream, LINES if lines else OBJECT, headers)


async def open_stream(
    request: Request, engine: Engine, asked: SpeechOptions, text: str, written: str | None = None
) -> tuple[Stream, Record]:
    """Have ``text`` spoken as a request asks for; ``written`` is what the client sent where that is something else.

    Raises `ApiError` for what is wrong with it.
    """
    written = text if written is None else written
    settings: ServeSettings = request.app.state.settings
    record: Record = request.scope[RECORD]
    record.voice = resolve_name(engine, asked.voice)
    record.characters = len(written)
    record.text = written if settings.log_text else None
    check_length(len(written), settings)
    frontend = await frontend_with(engine, record.voice, asked.lexicon)
    with api_errors():
        stream = engine.stream(
            text,
            record.voice,
            speed=asked.speed,
            pitch=asked.pitch,
            speaker=asked.speaker,
            deadline_s=settings.deadline_s(len(written)),
            frontend=frontend,
        )
    return stream, record


def resolve_name(engine: Engine, voice: str | VoiceId | None) -> str:
    """The id of the voice that a request names. Raises `ApiError` where there is none."""
    return resolve(engine, voice.id if isinstance(voice, VoiceId) else voice)


def check_length(characters: int, settings: ServeSettings, param: str = "input") -> None:
    if characters > settings.max_characters:
        message = f"the text has {characters} characters; this server speaks {settings.max_characters} at a time"
        raise ApiError(400, message, "string_above_max_length", param)
