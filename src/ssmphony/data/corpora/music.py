"""Music made on the spot: scores that are written by rule, played by a General MIDI sound font.

Recordings of music cannot be had under a free licence wherever this runs; a sound font can: that of Debian's package
fluid-soundfont-gm is under the MIT licence. It is played by TinySoundFont (``tinysoundfont``, MIT).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ssmphony.data.clips import read_clip, write_clip
from ssmphony.data.corpora.music_score import DRUMS, GENRES, Score, write_score
from ssmphony.data.corpora.reader import Item, Pitch, Reader, Utterance
from ssmphony.types import Samples, SsmphonyError

RATE = 44_100
SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
"""Of Debian's package fluid-soundfont-gm."""
TAIL_S = 1.0
"""In which the last notes die away."""
_PEAK = 0.9


class Music(Reader):
    """Pieces of the genres in turn, each in clips of equal length; the genre stands for the speaker."""

    kind: Literal["music"] = "music"
    path: Path
    """The folder of the rendered pieces; what is missing there is rendered."""
    pieces: int = Field(default=60, ge=1)
    seconds: float = Field(default=30.0, ge=1.0)
    """Of a piece."""
    clip_s: float = Field(default=10.0, ge=0.5)
    """Of a clip."""
    seed: int = Field(default=0, ge=0)
    sound_font: Path = SOUND_FONT
    """An SF2 file with the instruments of General MIDI."""

    def items(self) -> Iterator[Item]:
        if not self.sound_font.is_file():
            raise SsmphonyError(
                f"{self.sound_font}: no such file: apt-get install fluid-soundfont-gm, or --set sound_font=FILE.sf2"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        genres = list(GENRES)
        for number in range(self.pieces):
            yield Item(f"{number:04d}-{genres[number % len(genres)]}", genres[number % len(genres)])

    def read(self, item: Item) -> Sequence[Utterance]:
        name = f"{item.id}-{self.seed}-{self.seconds:g}.flac"
        if not (self.path / name).exists():
            score = write_score(item.speaker, self.seconds - TAIL_S, (self.seed, int(item.id.split("-")[0])))
            write_clip(self.path / name, play(score, self.sound_font, self.seconds), RATE)
        samples, rate = read_clip(self.path / name)
        size = round(self.clip_s * rate)
        parts = [samples[first : first + size] for first in range(0, len(samples) - size + 1, size)] or [samples]
        return [
            Utterance(f"{item.id}-{part}", item.speaker, clip, rate, pitch=_no_pitch(clip, rate), trimmed=True)
            for part, clip in enumerate(parts)
        ]


def _no_pitch(samples: Samples, rate: int) -> Pitch:
    """Of several notes at once."""
    hop = rate // 100
    return Pitch(np.zeros(1 + len(samples) // hop, np.float32), hop)


def play(score: Score, sound_font: Path, seconds: float) -> Samples:
    """The sound (n,) of a score at `RATE`, both sides of the stereo added, with its peak at 0.9."""
    synth, font = _loaded(str(sound_font))
    synth.sounds_off()
    _generated(synth, RATE // 10)  # what fades out of an earlier piece
    synth.program_select(DRUMS, font, 0, 0, True)
    for channel, program in score.programs.items():
        synth.program_select(channel, font, 0, program)
    events: list[tuple[int, int, Callable[[], Any]]] = []
    for note in score.notes:
        start, end = round(note.start * RATE), round(note.end * RATE)
        events.append((start, 1, lambda note=note: synth.noteon(note.channel, note.key, note.velocity)))
        events.append((end, 0, lambda note=note: synth.noteoff(note.channel, note.key)))
    parts: list[Samples] = []
    now, last = 0, round(seconds * RATE)
    for at, _, act in sorted(events, key=lambda event: event[:2]):
        parts.append(_generated(synth, min(at, last) - now))
        now = min(at, last)
        act()
    parts.append(_generated(synth, last - now))
    samples = np.concatenate(parts)
    return samples * np.float32(_PEAK / max(float(np.abs(samples).max()), 1e-6))


def _generated(synth: Any, count: int) -> Samples:
    """The next ``count`` samples, mono."""
    if count <= 0:
        return np.zeros(0, np.float32)
    return np.frombuffer(synth.generate(count), np.float32).reshape(count, 2).mean(axis=1)


@lru_cache(maxsize=1)
def _loaded(sound_font: str) -> tuple[Any, int]:
    try:
        package: Any = importlib.import_module("tinysoundfont")
    except ImportError:
        raise SsmphonyError("music is played by TinySoundFont: pip install --no-deps tinysoundfont") from None
    synth = package.Synth(gain=-6.0, samplerate=RATE)
    try:
        return synth, int(synth.sfload(sound_font))
    except Exception as error:  # the package raises its own, and those of pybind
        raise SsmphonyError(f"{sound_font}: not a sound font ({str(error).splitlines()[0]})") from None
