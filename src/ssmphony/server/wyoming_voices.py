"""The voices of an engine in Wyoming's terms: what clients are shown, and which one a request means."""

from __future__ import annotations

from wyoming.info import Attribution, Info, TtsProgram, TtsVoice, TtsVoiceSpeaker

from ssmphony import __version__
from ssmphony.engine import Engine
from ssmphony.server.errors import ApiError
from ssmphony.server.names import Target, VoiceNames
from ssmphony.types import readable

LABEL_CHARACTERS = 39
"""Home Assistant shows the description of a voice in a list of choices, as its name."""
_VOICE_CHARACTERS = 16


def choose(
    engine: Engine, names: VoiceNames, name: str | None, language: str | None, speaker: str | None = None
) -> Target:
    """Who speaks for a request: the voice of that name, or else the first of the language that has the speaker.

    Raises `ApiError` for a name, a language or a speaker that no voice has. An unknown speaker of a voice that was
    named is left to the engine.
    """
    if name is not None:
        return names.find(name, speaker)
    voices = list(engine.voices)
    if language is not None:
        voices = [voice for voice in voices if _base(engine.voices[voice].card.language) == _base(language)]
        if not voices:
            known = ", ".join(sorted({_base(voice.card.language) for voice in engine.voices.values()}))
            message = f"no voice speaks '{language:.100}'; this server speaks {known}"
            raise ApiError(400, message, "voice_not_found", "voice")
    candidates = [names.find(voice, speaker) for voice in voices]
    for target in candidates:
        if target.speaker is None or target.speaker in engine.voices[target.voice].card.speakers:
            return target
    return candidates[0]


def _base(language: str) -> str:
    """``hi`` of ``hi-IN`` and ``hi_IN``."""
    return language.replace("_", "-").partition("-")[0].lower()


def describe(engine: Engine) -> Info:
    """The voices of an engine, and each further speaker as ``VOICE/SPEAKER``.

    Home Assistant lets people choose a voice but not a speaker, so every speaker is a voice there; a voice's own
    speaker is the voice itself.
    """
    project = Attribution("The ssmphony contributors", "")
    voices: list[TtsVoice] = []
    for name, voice in engine.voices.items():
        card = voice.card
        labels = {name: _label(name)}
        labels |= {f"{name}/{id_}": _label(name, label) for id_, label in list(card.speaker_labels.items())[1:]}
        for path, label in labels.items():
            voices.append(
                TtsVoice(
                    path,
                    Attribution(card.attribution or project.name, project.url),
                    installed=True,
                    description=label,
                    version=__version__,
                    languages=[card.language],
                    speakers=[TtsVoiceSpeaker(id_) for id_ in card.speakers] or None if path == name else None,
                )
            )
    program = TtsProgram(
        "ssmphony",
        project,
        installed=True,
        description="Hindi text-to-speech",
        version=__version__,
        voices=voices,
        supports_synthesize_streaming=True,
    )
    return Info(tts=[program])


def _label(voice: str, speaker: str | None = None) -> str:
    """What people are shown; both parts remain recognisable where they are long."""
    if speaker is None:
        return _cut(readable(voice), LABEL_CHARACTERS)
    first = _cut(readable(voice), _VOICE_CHARACTERS)
    return f"{first}: {_cut(speaker, LABEL_CHARACTERS - len(first) - 2)}"


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[: characters - 1].rstrip()}…"
