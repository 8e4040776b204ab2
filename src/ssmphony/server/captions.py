"""Word times for players and editors: captions of a text, and Kokoro-FastAPI's route for sound with its word times."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from ssmphony.server.catalogue import EngineHere
from ssmphony.server.delivery import SoundResponse, as_audio, begun, encoded
from ssmphony.server.requests import Input, SpeechOptions, SpeechRequest
from ssmphony.server.speech import ERRORS, TIMED_SOUND, open_stream, timed_speech
from ssmphony.server.timestamps import CAPTION_TYPES, CaptionFormat, in_captions

router = APIRouter(tags=["speech"])


class CaptionedRequest(SpeechRequest):
    """A request for speech that is answered with word times unless it says otherwise."""

    return_timestamps: Annotated[bool, Field(description="If false, the lists of word times are empty.")] = True
    stream: Annotated[bool | None, Field(description="If false, one object in place of lines.")] = True


class CaptionsRequest(SpeechOptions):
    """What to say and how, and the form of the captions."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": "नमस्ते दुनिया।", "response_format": "srt"}]})

    input: Input
    response_format: Annotated[
        CaptionFormat, Field(description="WebVTT, SubRip, or the times of words and phonemes.")
    ] = "vtt"


_CAPTIONS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The captions, sent when all of the text has been spoken.",
        "content": {
            kind.partition(";")[0]: {"schema": {"type": "object" if name == "json" else "string"}}
            for name, kind in CAPTION_TYPES.items()
        },
    }
}


@router.post("/v1/audio/captions", response_class=Response, responses={**_CAPTIONS, **ERRORS})
async def create_captions(request: Request, body: CaptionsRequest, engine: EngineHere) -> Response:
    """Captions of the sound that a request for speech with the same fields gives."""
    stream, record = await open_stream(request, engine, body, body.input)
    pieces = await begun(encoded(stream, "pcm", record), request)
    captions = in_captions(pieces, body.response_format, body.input, stream.sample_rate)
    return SoundResponse(as_audio(captions, record), stream, CAPTION_TYPES[body.response_format])


@router.post("/dev/captioned_speech", response_class=Response, responses={**TIMED_SOUND, **ERRORS})
async def create_captioned_speech(request: Request, body: CaptionedRequest, engine: EngineHere) -> Response:
    """Sound with word times, as clients of Kokoro-FastAPI ask for it: `return_timestamps` of /v1/audio/speech."""
    return await timed_speech(request, engine, body, timed=body.return_timestamps, lines=body.stream is not False)
