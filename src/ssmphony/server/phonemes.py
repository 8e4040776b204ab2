"""The phonemes of a text, and speech from phonemes.

``/dev/phonemize`` and ``/dev/generate_from_phonemes`` are the routes of Kokoro-FastAPI, with its fields, so that its
clients work here. The phonemes are ours: IPA as `docs/text.md` lists it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ssmphony.audio.encoding import MEDIA_TYPES, Format
from ssmphony.engine import Engine
from ssmphony.interfaces import Frontend
from ssmphony.server.catalogue import EngineHere
from ssmphony.server.errors import ApiError
from ssmphony.server.lexicon import LexiconField, frontend_with
from ssmphony.server.limits import RECORD
from ssmphony.server.record import Record
from ssmphony.server.requests import Input, RequestBody, SoundOptions, VoiceName
from ssmphony.server.speech import ERRORS, check_length, find_voice, plain_speech
from ssmphony.text import phonemes, vocabulary
from ssmphony.types import SsmphonyError, Tokens

router = APIRouter(tags=["phonemes"])
_reading = ThreadPoolExecutor(1, "ssmphony-phonemes")
"""One long text at a time: reading holds the interpreter, which the speaking streams need."""


class PhonemesRequest(RequestBody):
    """A text, the voice that would read it, and a lexicon."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"input": "नमस्ते दुनिया।"}]})

    input: Input
    voice: VoiceName = None
    lexicon: LexiconField = None


class PhonemizeRequest(RequestBody):
    """The same in the words of Kokoro-FastAPI."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "नमस्ते दुनिया।"}]})

    text: Input
    language: Annotated[str | None, Field(description="Accepted and ignored: it is the voice's.")] = None
    voice: VoiceName = None
    lexicon: LexiconField = None


class WordPhonemes(BaseModel):
    """A word as it is written, from character ``start`` to ``end`` of the text, and how it is spoken."""

    text: str
    phonemes: str
    start: int
    end: int


class PhonemesResponse(BaseModel):
    """``phonemes`` are words of IPA with punctuation, ``tokens`` what the voice's model is given for the whole text."""

    phonemes: str
    tokens: list[int]
    words: list[WordPhonemes]


class FromPhonemesRequest(SoundOptions):
    """Words of phones, in IPA or the ASCII notation, with spaces between the words and punctuation after them."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"phonemes": "nəməst̪eː d̪ʊnɪjaː."}]})

    phonemes: Annotated[str, Field(min_length=1, description="Without spaces inside a word.")]
    response_format: Annotated[Format, Field(description="pcm is 16-bit little-endian mono.")] = "wav"


@router.post("/v1/audio/phonemes", responses=ERRORS)
async def read_phonemes(request: Request, body: PhonemesRequest, engine: EngineHere) -> PhonemesResponse:
    """How a text is spoken: the phonemes of its words, as the voice is given them."""
    return await _phonemes(request, engine, body, body.input)


@router.post("/dev/phonemize", responses=ERRORS)
async def phonemize(request: Request, body: PhonemizeRequest, engine: EngineHere) -> PhonemesResponse:
    """The same for clients of Kokoro-FastAPI."""
    return await _phonemes(request, engine, body, body.text)


_SOUND = {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in MEDIA_TYPES.values()}}}


@router.post("/v1/audio/phonemes/speech", response_class=Response, responses={**_SOUND, **ERRORS})
@router.post("/dev/generate_from_phonemes", response_class=Response, responses={**_SOUND, **ERRORS})
async def speak_phonemes(request: Request, body: FromPhonemesRequest, engine: EngineHere) -> Response:
    """Speak phonemes as they are. ``/dev/generate_from_phonemes`` is the route of Kokoro-FastAPI."""
    check_length(len(body.phonemes), request.app.state.settings, "phonemes")
    _phonemic(engine, find_voice(request, body.voice).voice)
    try:
        text = await asyncio.to_thread(phonemes.to_text, body.phonemes)
    except SsmphonyError as error:
        raise ApiError(400, str(error), "invalid_phonemes", "phonemes") from None
    return await plain_speech(request, engine, body, text, written=body.phonemes)


async def _phonemes(
    request: Request, engine: Engine, asked: PhonemesRequest | PhonemizeRequest, text: str
) -> PhonemesResponse:
    record: Record = request.scope[RECORD]
    record.voice, record.characters = find_voice(request, asked.voice).voice, len(text)
    record.text = text if request.app.state.settings.log_text else None
    check_length(len(text), request.app.state.settings)
    own = _phonemic(engine, record.voice)
    frontend = await frontend_with(engine, record.voice, asked.lexicon) or own
    try:
        return await asyncio.get_running_loop().run_in_executor(_reading, _read, frontend, text)
    except SsmphonyError as error:
        raise ApiError(400, str(error), "invalid_value", "input") from None


def _read(frontend: Frontend, text: str) -> PhonemesResponse:
    sentences = list(frontend.sentences(text))
    return PhonemesResponse(
        phonemes=phonemes.spell(sentences, text),
        tokens=[number for sentence in sentences for number in sentence.ids],
        words=_words(sentences),
    )


def _words(sentences: Sequence[Tokens]) -> list[WordPhonemes]:
    return [
        WordPhonemes(
            text=word.text,
            phonemes="".join(sentence.symbols[word.first : word.stop]),
            start=word.start,
            end=word.end,
        )
        for sentence in sentences
        for word in sentence.words
    ]


def _phonemic(engine: Engine, voice: str) -> Frontend:
    """The frontend of a voice that speaks phonemes. Raises `ApiError` for one that reads letters."""
    frontend = engine.voices[voice].frontend
    if frontend.symbols != vocabulary.SYMBOLS:
        raise ApiError(400, f"the voice '{voice}' reads letters, not phonemes: choose another", "no_phonemes", "voice")
    return frontend
