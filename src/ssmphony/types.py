"""Frozen values that travel along the signal path, with their units in their names.

text ──Frontend──▶ Tokens ──VoiceModel──▶ Frames ──Decoder──▶ samples

Nothing here imports more than NumPy, so every room of the house can use it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]


class SsmphonyError(Exception):
    """Something the user can mend. The message is one line: what was wrong, and what to do."""


@dataclass(frozen=True)
class FrameGrid:
    """The frames that a codec decodes: how often they come and what each holds.

    Frame ``t`` is centred on sample ``t * hop_length``. A frame is ``channels`` float32 values; where ``codebooks``
    names sizes, it is one integer for each codebook instead, below that codebook's size.
    """

    sample_rate: int
    hop_length: int
    channels: int
    codebooks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.hop_length, self.channels, *self.codebooks) < 1:
            raise ValueError(f"{self} has a size below 1")
        if self.codebooks and len(self.codebooks) != self.channels:
            raise ValueError(f"{self.channels} channels but {len(self.codebooks)} codebooks")

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop_length


@dataclass(frozen=True)
class MelFormat:
    """The settings of a log-mel spectrogram: those of mel codecs, and of features computed from recordings.

    The defaults are the log-mel of the public Vocos 24 kHz vocoder.
    """

    sample_rate: int = 24_000
    n_fft: int = 1024
    hop_length: int = 256
    n_mels: int = 100
    f_min: float = 0.0
    f_max: float = 12_000.0
    log_floor: float = 1e-7

    @property
    def grid(self) -> FrameGrid:
        """The frames of a codec that decodes this log-mel."""
        return FrameGrid(self.sample_rate, self.hop_length, self.n_mels)

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop_length


@dataclass(frozen=True)
class Word:
    """A written word and the tokens that speak it.

    ``first`` and ``stop`` index `Tokens.ids` (half-open); ``start`` and ``end`` are character offsets into the
    text that the caller passed, so that word times can point at the source.
    """

    text: str
    first: int
    stop: int
    start: int
    end: int


@dataclass(frozen=True)
class Delivery:
    """How a token is spoken beside plain ones: at ``speed`` times the pace, higher or lower, louder or softer."""

    speed: float = 1.0
    pitch_semitones: float = 0.0
    gain_db: float = 0.0


class Mark(NamedTuple):
    """A name that markup gives to a place: before token ``token``, or behind the last one."""

    name: str
    token: int


@dataclass(frozen=True)
class Tokens:
    """One sentence, or one clause of an over-long sentence, ready for a voice model.

    ``ids`` and ``symbols`` run in parallel. ``pause_after_s`` is silence the voice adds after the sentence.
    ``start`` and ``end`` are character offsets of the sentence in the caller's text. ``delivery`` is parallel to
    ``ids``, or empty where all are spoken plainly; ``speaker`` None is the one of the style. ``breaks_s``, which the
    first sentence of a document has, is the silence that all breaks of that document ask for together, so that too
    much of it can be refused before anything is spoken.
    """

    ids: tuple[int, ...]
    symbols: tuple[str, ...]
    words: tuple[Word, ...] = ()
    text: str = ""
    start: int = 0
    end: int = 0
    pause_after_s: float = 0.0
    delivery: tuple[Delivery, ...] = ()
    speaker: str | None = None
    marks: tuple[Mark, ...] = ()
    breaks_s: float = 0.0

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.symbols):
            raise ValueError(f"{len(self.ids)} ids but {len(self.symbols)} symbols")
        if self.delivery and len(self.delivery) != len(self.ids):
            raise ValueError(f"{len(self.ids)} ids but {len(self.delivery)} deliveries")

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Style:
    """How to speak. ``speed`` 2.0 is twice as fast; ``speaker`` None is the voice's own."""

    speed: float = 1.0
    pitch_semitones: float = 0.0
    seed: int = 0
    speaker: str | None = None

    def __post_init__(self) -> None:
        if not 0.25 <= self.speed <= 4.0:
            raise SsmphonyError(f"speed {self.speed:g} is out of range: choose 0.25 to 4.0")
        if not -12.0 <= self.pitch_semitones <= 12.0:
            raise SsmphonyError(f"pitch {self.pitch_semitones:g} is out of range: choose -12 to 12 semitones")


class Frames(NamedTuple):
    """A block of frames from a voice model, batch first.

    values: (batch, time, channel), what the codec decodes.
    tokens: (batch, time) int, which token of the sentence each frame speaks.
    lengths: (batch,) int, how many of the block's frames are real; the rest is padding at the end. A length
        shorter than the block means that the sentence is over.
    """

    values: Any
    tokens: Any
    lengths: Any


@dataclass(frozen=True)
class TimedSpan:
    """A phoneme or a word with its place in the sound (seconds from the start of the stream).

    ``start`` and ``end`` are the character offsets of a word in the source text; -1 for a phoneme.
    """

    text: str
    start_s: float
    end_s: float
    start: int = -1
    end: int = -1


@dataclass(frozen=True)
class AudioChunk:
    """A stretch of sound: float32 samples in [-1, 1], and the phonemes, words and marks that end in it."""

    samples: Samples
    sample_rate: int
    start_s: float = 0.0
    phonemes: tuple[TimedSpan, ...] = ()
    words: tuple[TimedSpan, ...] = ()
    marks: tuple[TimedSpan, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(len(self.samples) or self.phonemes or self.words or self.marks)


@dataclass(frozen=True)
class Audio(AudioChunk):
    """A whole utterance: the concatenation of its chunks."""

    @classmethod
    def join(cls, chunks: Iterable[AudioChunk], sample_rate: int) -> Audio:
        parts = list(chunks)
        samples = [chunk.samples for chunk in parts] or [np.zeros(0, np.float32)]
        return cls(
            samples=np.concatenate(samples),
            sample_rate=sample_rate,
            phonemes=tuple(span for chunk in parts for span in chunk.phonemes),
            words=tuple(span for chunk in parts for span in chunk.words),
            marks=tuple(span for chunk in parts for span in chunk.marks),
        )


@dataclass(frozen=True)
class VoiceCard:
    """What a person wants to know of a voice before using it."""

    name: str
    language: str
    description: str = ""
    licence: str = ""
    attribution: str = ""
    speakers: tuple[str, ...] = field(default=())
    speaker_names: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    """What people are shown for speakers; see `speaker_labels`."""

    def with_name(self, name: str) -> VoiceCard:
        return replace(self, name=name)

    @property
    def speaker_labels(self) -> dict[str, str]:
        """A different label for each speaker, in their order: its name for people, or else its id made readable."""
        labels = {speaker: self.speaker_names.get(speaker) or readable(speaker) for speaker in self.speakers}
        shown = list(labels.values())
        return {speaker: label if shown.count(label) == 1 else speaker for speaker, label in labels.items()}


def readable(identifier: str) -> str:
    """An id as a label for people: ``hi_story_reader`` becomes ``Story reader``, without the code of its language."""
    words = re.split(r"[\W_]+", re.sub(r"^[a-z]{2}(?:_[A-Z]{2})?_(?=.)", "", identifier))
    label = " ".join(word for word in words if word)
    return label[:1].upper() + label[1:] if label else identifier


OUTSIDE, FIRST, INSIDE, LAST, SINGLE = range(5)
"""Where a token stands in its word; ^ and punctuation stand outside."""


class TokenBatch(NamedTuple):
    """Padded sentences in their styles, (batch, time) all; ``mask`` is true where a token is."""

    ids: npt.NDArray[np.int64]
    word_positions: npt.NDArray[np.int64]
    mask: npt.NDArray[np.bool_]
    speeds: npt.NDArray[np.float32]
    pitch_semitones: npt.NDArray[np.float32]


def stack_tokens(batch: Sequence[Tokens], styles: Sequence[Style], fewest: int = 0) -> TokenBatch:
    """Pad a batch of sentences with id 0, to at least ``fewest`` tokens."""
    lengths = np.array([len(tokens) for tokens in batch], dtype=np.int64)
    shape = (len(batch), max(fewest, int(lengths.max(initial=0))))
    ids, positions = np.zeros((2, *shape), np.int64)
    speeds, pitches = np.ones(shape, np.float32), np.zeros(shape, np.float32)
    for row, (tokens, style) in enumerate(zip(batch, styles, strict=True)):
        count = len(tokens)
        ids[row, :count] = tokens.ids
        positions[row, :count] = word_positions([(word.first, word.stop) for word in tokens.words], count)
        speeds[row], pitches[row] = style.speed, style.pitch_semitones
        if tokens.delivery:
            speeds[row, :count] *= [part.speed for part in tokens.delivery]
            pitches[row, :count] += [part.pitch_semitones for part in tokens.delivery]
    return TokenBatch(ids, positions, np.arange(shape[1]) < lengths[:, None], speeds, pitches)


def word_positions(words: Iterable[tuple[int, int]], count: int) -> npt.NDArray[np.int64]:
    """Where each of ``count`` tokens stands in its word; ``words`` are half-open ranges of tokens, empty ones too."""
    positions = np.full(count, OUTSIDE, np.int64)
    for first, stop in words:
        if stop - first == 1:
            positions[first] = SINGLE
        elif stop > first:
            positions[first:stop] = INSIDE
            positions[first] = FIRST
            positions[stop - 1] = LAST
    return positions
