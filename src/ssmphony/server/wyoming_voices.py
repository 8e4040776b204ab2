"""Which voices there are, as Wyoming tells it, and which one a client means."""

from __future__ import annotations

from wyoming.info import Attribution, Info, TtsProgram, TtsVoice, TtsVoiceSpeaker

from ssmphony import __version__
from ssmphony.engine import Engine
from ssmphony.server.catalogue import resolve
from ssmphony.server.errors import ApiError


def choose(engine: Engine, name: str | None, language: str | None) -> str:
    """The voice that is asked for by name, or else the first of a language. Raises `ApiError`."""
    if name is not None or language is None:
        return resolve(engine, name)
    spoken = {voice: _base(engine.voices[voice].card.language) for voice in engine.voices}
    for voice, other in spoken.items():
        if other == _base(language):
            return voice
    known = ", ".join(sorted(set(spoken.values())))
    raise ApiError(400, f"no voice speaks '{language:.100}'; this server speaks {known}", "voice_not_found", "voice")


def _base(language: str) -> str:
    """``hi`` of ``hi-IN`` and ``hi_IN``."""
    return language.replace("_", "-").partition("-")[0].lower()


def describe(engine: Engine) -> Info:
    """The voices of an engine."""
    project = Attribution("The ssmphony contributors", "https://pypi.org/project/ssmphony/")
    voices = [
        TtsVoice(
            name,
            Attribution(voice.card.attribution or project.name, project.url),
            installed=True,
            description=voice.card.description or None,
            version=__version__,
            languages=[voice.card.language],
            speakers=[TtsVoiceSpeaker(speaker) for speaker in voice.card.speakers] or None,
        )
        for name, voice in engine.voices.items()
    ]
    text = "Hindi text to speech on state-space models"
    program = TtsProgram(
        "ssmphony",
        project,
        installed=True,
        description=text,
        version=__version__,
        voices=voices,
        supports_synthesize_streaming=True,
    )
    return Info(tts=[program])
