"""A stream between two steps as bytes: a safetensors file of its state, with everything else as JSON beside it.

It holds the text that is not read yet, the sentence that is being spoken, the states of model and codec, the style and
a checksum of the voice. Nothing in it is code.
"""

from __future__ import annotations

import json
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from ssmphony.engine.reader import ClauseCutter, Reader
from ssmphony.interfaces import Array
from ssmphony.state import flatten, unflatten
from ssmphony.types import Frames, SsmphonyError, Style
from ssmphony.voice import Sentence, Speech, Voice

_KEY = "ssmphony.stream"
_DAMAGED = "this is not a stored stream, or it is damaged"


class _Story(BaseModel):
    """All but the arrays. The field names of `Reader`."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    voice: str
    identity: str
    style: Style
    spoken: int
    silence_s: float = 0.0
    sentence: Sentence | None
    waiting: int
    """Blocks of frames that the codec has not taken."""
    clauses: bool
    segments: list[str]
    place: int
    passed: int
    inside: bool
    finished: bool
    cutter: ClauseCutter


def pack(voice: Voice, style: Style, reader: Reader, speech: Speech | None, spoken: int, silence_s: float) -> bytes:
    from safetensors.numpy import save

    arrays: dict[str, Array] = {}
    if speech is not None and not speech.row.spoken:
        states = (speech.model, speech.codec, tuple(tuple(frames) for frames in speech.waiting))
        arrays = {f"{i:05d}": np.ascontiguousarray(array) for i, array in enumerate(flatten(states))}
    story = _Story(
        voice=voice.card.name,
        identity=voice.identity,
        style=style,
        spoken=spoken,
        silence_s=silence_s,
        sentence=None if speech is None else speech.row,
        waiting=0 if speech is None else len(speech.waiting),
        clauses=reader.clauses,
        segments=reader.segments,
        place=reader.place,
        passed=reader.passed,
        inside=reader.inside,
        finished=reader.finished,
        cutter=reader.cutter,
    )
    return save(arrays, metadata={_KEY: story.model_dump_json()})


def unpack(data: bytes, voice: Voice) -> tuple[Style, Reader, Speech | None, int, float]:
    """Style, reader, speech, samples spoken and seconds of silence asked for.

    Raises `SsmphonyError` for damage and for another voice.
    """
    story = _story(data)
    if story.identity != voice.identity or story.voice != voice.card.name:
        raise SsmphonyError(
            f"this stream was begun with the voice '{story.voice}', not with this '{voice.card.name}': "
            "load the same voice, in the same version"
        )
    reader = Reader(
        voice.frontend,
        story.clauses,
        story.segments or [""],
        story.place,
        story.passed,
        story.inside,
        story.finished,
        story.cutter,
    )
    speech = None if story.sentence is None else _speech(data, story, story.sentence, voice)
    return story.style, reader, speech, story.spoken, story.silence_s


def _story(data: bytes) -> _Story:
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        return _Story.model_validate_json(header["__metadata__"][_KEY])
    except (ValueError, KeyError, TypeError, ValidationError):
        raise SsmphonyError(_DAMAGED) from None


def _speech(data: bytes, story: _Story, row: Sentence, voice: Voice) -> Speech:
    """The stored arrays in the structure of a sentence that is begun anew."""
    if row.spoken:
        return Speech(row, None, None)
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        stored = load(data)
        begun = voice.begin(row.tokens, story.style, row.origin)
        arrays = iter([stored[name] for name in sorted(stored)])
        model, codec = unflatten((begun.model, begun.codec), arrays)
        waiting = tuple(Frames(next(arrays), next(arrays), next(arrays)) for _ in range(story.waiting))
    except (SafetensorError, ValueError, StopIteration, RuntimeError):
        raise SsmphonyError(_DAMAGED) from None
    return Speech(row, model, codec, waiting)
