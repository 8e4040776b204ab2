"""Which voices and models there are, as clients see them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from ssmphony.config import suggest
from ssmphony.engine import Engine
from ssmphony.server.errors import ApiError, ErrorResponse

DEFAULT = "default"
MODEL = "ssmphony"
router = APIRouter(tags=["voices"])


def engine_of(request: Request) -> Engine:
    return request.app.state.engine


EngineHere = Annotated[Engine, Depends(engine_of)]


class VoiceInfo(BaseModel):
    """A voice, and what a person wants to know before using it."""

    id: str
    name: str
    language: str
    description: str
    licence: str
    attribution: str
    speakers: list[str]
    sample_rate: int


class VoiceList(BaseModel):
    voices: list[VoiceInfo]


class ModelInfo(BaseModel):
    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "ssmphony"


class ModelList(BaseModel):
    object: str = "list"
    data: list[ModelInfo]


def resolve(engine: Engine, name: str | None) -> str:
    """The id of a voice: the first where none or ``default`` is asked for. Only a name, never a path."""
    if name in engine.voices:
        return name
    if name is None or name == DEFAULT:
        return next(iter(engine.voices))
    known = ", ".join(engine.voices)
    message = f"unknown voice '{name:.100}'{suggest(name[:100], engine.voices)}; this server has {known}"
    raise ApiError(400, message, "voice_not_found", "voice")


@router.get("/v1/audio/voices")
async def list_voices(engine: EngineHere) -> VoiceList:
    """The voices of this server; the first is spoken where a request names none."""
    return VoiceList(
        voices=[
            VoiceInfo(
                id=name,
                name=voice.card.name,
                language=voice.card.language,
                description=voice.card.description,
                licence=voice.card.licence,
                attribution=voice.card.attribution,
                speakers=list(voice.card.speakers),
                sample_rate=voice.sample_rate,
            )
            for name, voice in engine.voices.items()
        ]
    )


@router.get("/v1/models")
async def list_models() -> ModelList:
    """For clients that ask before they speak. Requests may name any model: the voice decides."""
    return ModelList(data=[ModelInfo(id=MODEL)])


@router.get("/v1/models/{model}", responses={404: {"model": ErrorResponse, "description": "No such model."}})
async def get_model(model: str) -> ModelInfo:
    """The one model there is."""
    if model != MODEL:
        raise ApiError(404, f"unknown model '{model:.100}'; this server has {MODEL}", "model_not_found", "model")
    return ModelInfo(id=MODEL)
