"""Which voices and models there are, as clients see them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from ssmphony.engine import Engine
from ssmphony.server.errors import ApiError, ErrorResponse
from ssmphony.server.names import VoiceNames

MODEL = "ssmphony"
MODELS = (MODEL, "tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
"""Ours, and those of OpenAI's speech endpoint, which clients look for before they speak. The voice decides."""
router = APIRouter(tags=["voices"])


def engine_of(request: Request) -> Engine:
    return request.app.state.engine


def names_of(request: Request) -> VoiceNames:
    return request.app.state.names


EngineHere = Annotated[Engine, Depends(engine_of)]
NamesHere = Annotated[VoiceNames, Depends(names_of)]


class VoiceInfo(BaseModel):
    """A voice, and what a person wants to know before using it."""

    id: str
    name: str
    language: str
    description: str
    licence: str
    attribution: str
    speakers: list[str]
    speaker_names: dict[str, str]
    sample_rate: int


class AliasInfo(BaseModel):
    """Another name for a voice, for one of its speakers, or for a reference that it imitates."""

    id: str
    voice: str
    speaker: str | None
    reference: str | None = None
    """The reference that the voice imitates under this name."""


class VoiceList(BaseModel):
    voices: list[VoiceInfo]
    aliases: list[AliasInfo]
    max_characters: int


class VoiceChoice(BaseModel):
    """What to send as ``voice``, and what to show to a person."""

    value: str
    label: str


class VoiceChoices(BaseModel):
    voices: list[VoiceChoice]


class ModelInfo(BaseModel):
    id: str
    object: str = "model"
    created: int = 0
    owned_by: str = "ssmphony"


class ModelList(BaseModel):
    object: str = "list"
    data: list[ModelInfo]


class AudioModelList(ModelList):
    models: list[ModelInfo]


@router.get("/v1/audio/voices")
async def list_voices(request: Request, engine: EngineHere, names: NamesHere) -> VoiceList:
    """The voices of this server, and other names for them. The first is spoken where a request names none.

    ``speaker_names`` are what to show to people; ``max_characters`` is the length of the longest text.
    """
    voices = [
        VoiceInfo(
            id=name,
            name=voice.card.name,
            language=voice.card.language,
            description=voice.card.description,
            licence=voice.card.licence,
            attribution=voice.card.attribution,
            speakers=list(voice.card.speakers),
            speaker_names=voice.card.speaker_labels,
            sample_rate=voice.sample_rate,
        )
        for name, voice in engine.voices.items()
    ]
    aliases = [AliasInfo(id=name, **target._asdict()) for name, target in names.aliases.items()]
    return VoiceList(voices=voices, aliases=aliases, max_characters=request.app.state.settings.max_characters)


@router.get("/v1/audio/voices/{model}", responses={404: {"model": ErrorResponse, "description": "No such model."}})
async def list_voices_of_model(model: str, engine: EngineHere) -> VoiceChoices:
    """Each voice and each of its speakers, as SillyTavern asks for them. Every model has all voices."""
    _known(model)
    choices: list[VoiceChoice] = []
    for name, voice in engine.voices.items():
        choices.append(VoiceChoice(value=name, label=name))
        for speaker, label in voice.card.speaker_labels.items():
            choices.append(VoiceChoice(value=f"{name}/{speaker}", label=f"{name}: {label}"))
    return VoiceChoices(voices=choices)


@router.get("/v1/audio/models")
async def list_audio_models() -> AudioModelList:
    """The models, in ``models`` as Open WebUI asks for them and in ``data`` as OpenAI lists them."""
    models = [ModelInfo(id=name) for name in MODELS]
    return AudioModelList(models=models, data=models)


@router.get("/v1/models")
async def list_models() -> ModelList:
    """For clients that ask before they speak. Requests may name any model: the voice decides."""
    return ModelList(data=[ModelInfo(id=name) for name in MODELS])


@router.get("/v1/models/{model}", responses={404: {"model": ErrorResponse, "description": "No such model."}})
async def get_model(model: str) -> ModelInfo:
    """One of the models."""
    return ModelInfo(id=_known(model))


def _known(model: str) -> str:
    if model.lower() not in MODELS:
        known = ", ".join(MODELS)
        raise ApiError(404, f"unknown model '{model:.100}'; this server has {known}", "model_not_found", "model")
    return model.lower()
