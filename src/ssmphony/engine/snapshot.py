"""A stream between two steps as bytes: a safetensors file of its state, with everything else as JSON in its header.

It holds the text that is not read yet, the sentence that is being spoken, the states of model and codec, the style with
the arrays of its reference, and a checksum of the voice. Nothing in it is code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from ssmphony.engine.reader import ClauseCutter, TextReader
from ssmphony.interfaces import Array
from ssmphony.speech import Speech
from ssmphony.state import flatten, unflatten
from ssmphony.timeline import Progress
from ssmphony.types import Frames, Reference, SsmphonyError, Style
from ssmphony.voice import Voice

_KEY = "ssmphony.stream"
_REFERENCE = "reference."
_DAMAGED = "this is not a stored stream, or it is damaged"


class SnapshotHeader(BaseModel):
    """All but the arrays. Several fields are those of `TextReader`."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    version: Literal[1] = 1
    voice: str
    identity: str
    style: Style
    """Without its reference, which is among the arrays."""
    reference: tuple[str, ...] = ()
    """The names of the reference's arrays."""
    spoken: int
    silence_s: float = 0.0
    sentence: Progress | None
    waiting: int
    """Blocks of frames that the codec has not taken."""
    clauses: bool
    segments: list[str]
    place: int
    passed: int
    inside: bool
    finished: bool
    cutter: ClauseCutter


def pack(voice: Voice, style: Style, reader: TextReader, speech: Speech | None, spoken: int, silence_s: float) -> bytes:
    from safetensors.numpy import save

    arrays: dict[str, Array] = {}
    if speech is not None and not speech.progress.spoken:
        states = (speech.model, speech.codec, tuple(tuple(frames) for frames in speech.waiting))
        arrays = {f"{i:05d}": np.ascontiguousarray(array) for i, array in enumerate(flatten(states))}
    reference = {} if style.reference is None else style.reference.arrays
    header = SnapshotHeader(
        voice=voice.card.name,
        identity=voice.identity,
        style=replace(style, reference=None),
        reference=tuple(reference),
        spoken=spoken,
        silence_s=silence_s,
        sentence=None if speech is None else speech.progress,
        waiting=0 if speech is None else len(speech.waiting),
        clauses=reader.clauses,
        segments=reader.segments,
        place=reader.place,
        passed=reader.passed,
        inside=reader.inside,
        finished=reader.finished,
        cutter=reader.cutter,
    )
    arrays |= {_REFERENCE + name: array for name, array in reference.items()}
    return save(arrays, metadata={_KEY: header.model_dump_json()})


def restore(data: bytes, voice: Voice) -> tuple[Style, TextReader, Speech | None, int, float]:
    """Style, reader, speech, samples spoken and seconds of silence asked for.

    Raises `SsmphonyError` for damage and for another voice.
    """
    header = _header(data)
    arrays = _arrays(data)
    if header.identity != voice.identity or header.voice != voice.card.name:
        raise SsmphonyError(
            f"this stream was begun with the voice '{header.voice}', which differs from the loaded voice "
            f"'{voice.card.name}': load the same voice, in the same version"
        )
    reader = TextReader(
        voice.frontend,
        header.clauses,
        header.segments or [""],
        header.place,
        header.passed,
        header.inside,
        header.finished,
        header.cutter,
    )
    style = header.style
    if header.reference:
        try:
            reference = Reference({name: arrays[_REFERENCE + name] for name in header.reference})
        except (KeyError, SsmphonyError):
            raise SsmphonyError(_DAMAGED) from None
        style = voice.check(replace(style, reference=reference))
    speech = None if header.sentence is None else _speech(arrays, header, style, header.sentence, voice)
    return style, reader, speech, header.spoken, header.silence_s


def _header(data: bytes) -> SnapshotHeader:
    try:
        length = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + length])
        return SnapshotHeader.model_validate_json(header["__metadata__"][_KEY])
    except (ValueError, KeyError, TypeError, ValidationError):
        raise SsmphonyError(_DAMAGED) from None


def _arrays(data: bytes) -> dict[str, Array]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        return load(data)
    except (SafetensorError, ValueError, KeyError):
        raise SsmphonyError(_DAMAGED) from None


def _speech(
    stored: Mapping[str, Array], header: SnapshotHeader, style: Style, progress: Progress, voice: Voice
) -> Speech:
    """The stored arrays in the structure of a sentence that has just begun."""
    if progress.spoken:
        return Speech(progress, None, None)
    try:
        begun = voice.begin(progress.tokens, style, progress.origin)
        arrays = iter([stored[name] for name in sorted(stored) if not name.startswith(_REFERENCE)])
        model, codec = unflatten((begun.model, begun.codec), arrays)
        waiting = tuple(Frames(next(arrays), next(arrays), next(arrays)) for _ in range(header.waiting))
    except (ValueError, StopIteration, RuntimeError):
        raise SsmphonyError(_DAMAGED) from None
    return Speech(progress, model, codec, waiting)
