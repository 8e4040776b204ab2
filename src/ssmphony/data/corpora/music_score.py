"""Music that is written by rule: melodies, chords, bass and drums of several genres, each piece from a seed.

A piece is in one key and follows a chord progression. The melody is a random walk over the scale that prefers notes of
the chord on strong beats. Instruments are those of General MIDI.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

DRUMS = 9
"""The channel of the drums."""
KICK, SNARE, HAT = 36, 38, 42
MAJOR, MINOR, DORIAN = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10)
BEATS = 4
"""Of a bar, in which the chord stays."""


class Note(NamedTuple):
    """channel 0 to 15; key and velocity as in MIDI; start and end in s."""

    channel: int
    key: int
    velocity: int
    start: float
    end: float


class Score(NamedTuple):
    """programs: channel → General MIDI program, from 0; notes by their start."""

    programs: dict[int, int]
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Genre:
    """melody, chords, bass: General MIDI programs, of which a piece draws one each.

    accompaniment: ``block`` (a chord a bar), ``broken`` (its notes in turn) or ``pulse`` (a chord each beat).
    """

    tempo: tuple[int, int]
    scale: tuple[int, ...]
    progressions: tuple[tuple[int, ...], ...]
    melody: tuple[int, ...]
    chords: tuple[int, ...]
    bass: tuple[int, ...]
    accompaniment: str
    drums: bool
    steps: tuple[float, ...]
    """Lengths of melody notes in beats."""


GENRES: dict[str, Genre] = {
    "classical": Genre(
        (84, 120), MAJOR, ((0, 3, 4, 0), (0, 5, 3, 4)), (0, 40, 73), (0, 6), (42,), "broken", False, (0.5, 1.0, 1.0)
    ),
    "chorale": Genre(
        (60, 84), MINOR, ((0, 3, 4, 0), (0, 5, 2, 4)), (52, 19), (19, 52), (19,), "block", False, (1.0, 2.0)
    ),
    "folk": Genre(
        (96, 132), DORIAN, ((0, 6, 0, 3), (0, 2, 6, 0)), (104, 73, 22), (24, 25), (32,), "pulse", True, (0.5,)
    ),
    "dance": Genre(
        (118, 134), MINOR, ((0, 5, 2, 6), (0, 3, 5, 4)), (80, 81), (90, 50), (38, 39), "pulse", True, (0.25, 0.5, 0.5)
    ),
    "jazz": Genre(
        (100, 150), MAJOR, ((1, 4, 0, 5), (0, 5, 1, 4)), (65, 56, 11), (4, 26), (32,), "block", True, (0.5, 0.5, 1.0)
    ),
}


def write_score(genre: str, seconds: float, seed: Sequence[int]) -> Score:
    """A piece of this length; the same for the same genre and seed."""
    kind, random = GENRES[genre], np.random.default_rng(seed)
    beat = 60.0 / int(random.integers(kind.tempo[0], kind.tempo[1] + 1))
    tonic = 48 + int(random.integers(12))
    progression = kind.progressions[int(random.integers(len(kind.progressions)))]
    programs = {
        channel: int(random.choice(choice)) for channel, choice in enumerate((kind.melody, kind.chords, kind.bass))
    }
    notes: list[Note] = []
    degree = 7
    for bar in range(int(seconds / (BEATS * beat)) + 1):
        start, chord = bar * BEATS * beat, progression[bar % len(progression)]
        degree = _melody(notes, kind, tonic, degree, chord, start, beat, random)
        _chords(notes, kind, tonic, chord, start, beat)
        root = _key(kind, tonic - 12, chord)
        notes.extend(Note(2, root, 90, start + at * beat, start + (at + 1.8) * beat) for at in (0, 2))
        if kind.drums:
            _drums(notes, start, beat, random)
    kept = (note._replace(end=min(note.end, seconds)) for note in notes if note.start < seconds)
    return Score(programs, tuple(sorted(kept, key=lambda note: (note.start, note.channel, note.key))))


def _key(kind: Genre, tonic: int, degree: int) -> int:
    """The MIDI key of a degree of the scale, from 0; 7 is an octave higher."""
    octave, place = divmod(degree, len(kind.scale))
    return tonic + 12 * octave + kind.scale[place]


def _melody(
    notes: list[Note],
    kind: Genre,
    tonic: int,
    degree: int,
    chord: int,
    start: float,
    beat: float,
    random: np.random.Generator,
) -> int:
    """A bar; returns the degree that it ends on."""
    at = 0.0
    while at < BEATS:
        length = min(float(random.choice(kind.steps)), BEATS - at)
        degree = int(np.clip(degree + random.integers(-2, 3), 4, 16))
        if at % 2 == 0 and (degree - chord) % 7 not in (0, 2, 4):
            degree += 1 if (degree + 1 - chord) % 7 in (0, 2, 4) else -1
        if random.random() < 0.9:  # else a rest
            velocity = int(random.integers(80, 110))
            notes.append(
                Note(0, _key(kind, tonic, degree), velocity, start + at * beat, start + (at + 0.95 * length) * beat)
            )
        at += length
    return degree


def _chords(notes: list[Note], kind: Genre, tonic: int, chord: int, start: float, beat: float) -> None:
    keys = [_key(kind, tonic, chord + third) for third in (0, 2, 4)]
    if kind.accompaniment == "block":
        notes.extend(Note(1, key, 64, start, start + 3.9 * beat) for key in keys)
    elif kind.accompaniment == "pulse":
        notes.extend(
            Note(1, key, 60, start + at * beat, start + (at + 0.5) * beat) for at in range(BEATS) for key in keys
        )
    else:
        order = (keys[0], keys[2], keys[1], keys[2])
        for place in range(2 * BEATS):
            at = start + place * beat / 2
            notes.append(Note(1, order[place % 4], 62, at, at + 0.48 * beat))


def _drums(notes: list[Note], start: float, beat: float, random: np.random.Generator) -> None:
    for half in range(2 * BEATS):
        at = start + half * beat / 2
        struck = [(HAT, 60 + 15 * (half % 2 == 0))]
        if half % 4 == 0 or random.random() < 0.1:
            struck.append((KICK, 100))
        if half % 4 == 2:
            struck.append((SNARE, 90))
        notes.extend(Note(DRUMS, key, velocity, at, at + 0.1) for key, velocity in struck)
