"""Frozen values that travel along the signal path, with their units in their names.

text ──Frontend──▶ Tokens ──VoiceModel──▶ Frames ──Decoder──▶ samples

Every package can use it: it imports nothing but NumPy, and the values that it re-exports from `ssmphony.errors` and
`ssmphony.tokens`, which need no NumPy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ssmphony.errors import SsmphonyError
from ssmphony.tokens import PUNCTUATION_LEVELS, SPEEDS, Mark, Prosody, Tokens, Word

__all__ = [
    "PUNCTUATION_LEVELS",
    "SPEEDS",
    "Audio",
    "AudioChunk",
    "FrameGrid",
    "Frames",
    "Mark",
    "MelFormat",
    "Prosody",
    "Reference",
    "ReferenceInput",
    "Samples",
    "SsmphonyError",
    "Style",
    "TimedSpan",
    "Tokens",
    "VoiceCard",
    "Word",
    "readable",
]

Samples = npt.NDArray[np.float32]


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


STYLE = "style"
"""The array of a reference that a voice's style encoder makes: a vector of how the speaker of a recording sounds."""


@dataclass(frozen=True)
class ReferenceInput:
    """An array of a `Reference` that a model reads, (step, channel)."""

    name: str
    channels: int
    max_steps: int
    dtype: str = "float32"
    """``float32``, or ``int64`` for codes."""


class Reference:
    """A recording to speak like, as the arrays that a model needs of it. Immutable.

    The model defines what the arrays hold (`VoiceModel.reference_inputs`): samples, frames or codes of a codec, the
    embedding of a speaker. Each is (step, channel), float32 or int64. References of equal arrays are equal.
    """

    MAX_BYTES = 16 << 20
    """Of all arrays together: three minutes of samples at 24 kHz."""
    MAX_ARRAYS = 16

    def __init__(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Raises `SsmphonyError` for arrays that no reference may hold: too large, or of another type or shape."""
        if not 0 < len(arrays) <= self.MAX_ARRAYS:
            raise SsmphonyError(f"a reference holds 1 to {self.MAX_ARRAYS} arrays, not {len(arrays)}")
        if (size := sum(array.nbytes for array in arrays.values())) > self.MAX_BYTES:
            raise SsmphonyError(
                f"a reference of {size / 2**20:.1f} MiB is too large: cut it to {self.MAX_BYTES >> 20} MiB"
            )
        digest = hashlib.sha256()
        kept: dict[str, npt.NDArray[Any]] = {}
        for name, array in sorted(arrays.items()):
            if str(array.dtype) not in ("float32", "int64") or array.ndim != 2 or not array.size:
                raise SsmphonyError(
                    f"the array '{name}' of a reference is {array.dtype} {array.shape}: it must be float32 or int64, "
                    "(step, channel)"
                )
            if not np.isfinite(array).all():
                raise SsmphonyError(f"the array '{name}' of a reference holds numbers that are not finite")
            kept[name] = np.array(array, order="C")
            kept[name].setflags(write=False)
            digest.update(f"{name} {array.dtype} {array.shape} ".encode())
            digest.update(kept[name].tobytes())
        self.arrays: Mapping[str, npt.NDArray[Any]] = kept
        self.checksum = digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and other.checksum == self.checksum

    def __hash__(self) -> int:
        return hash(self.checksum)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {array.shape}" for name, array in self.arrays.items())
        return f"Reference({shapes}, {self.checksum[:8]})"


@dataclass(frozen=True)
class Style:
    """How to speak.

    A field is a keyword of `Voice.say` and `Voice.stream`, and, where a model reads it, an array of
    `ssmphony.model_inputs`; between them, a style is passed on as it is.
    """

    speed: float = 1.0
    """2.0 is twice as fast; 0.25 to 6.0."""
    pitch_semitones: float = 0.0
    """-12 to 12."""
    seed: int = 0
    """For all random numbers: the same seed gives the same samples. -2^63 to 2^63 - 1."""
    speaker: str | None = None
    """A speaker of the voice, or a mix such as ``"alpha:0.7,omega:0.3"``; None is the voice's own, its first."""
    reference: Reference | None = None
    """A recording to speak like, for a model with the capability ``reference``."""
    temperature: float | None = None
    """For sampling codes, with a model of the capability ``sampling``: 0 takes the most likely; at most 2. None, here
    and for the next two, is the voice's own setting."""
    top_k: int | None = None
    """Codes are sampled from this many of the most likely; 0: from all."""
    top_p: float | None = None
    """Codes are sampled from the fewest that together have this probability; above 0 and at most 1."""

    def __post_init__(self) -> None:
        if self.temperature is not None and not 0.0 <= self.temperature <= 2.0:
            raise SsmphonyError(f"temperature {self.temperature:g} is out of range: choose 0 to 2")
        if self.top_k is not None and not 0 <= self.top_k <= 1 << 20:
            raise SsmphonyError(f"top_k {self.top_k} is out of range: choose 0 for all, or a number of codes")
        if self.top_p is not None and not 0.0 < self.top_p <= 1.0:
            raise SsmphonyError(f"top_p {self.top_p:g} is out of range: choose above 0, at most 1")
        if not SPEEDS[0] <= self.speed <= SPEEDS[1]:
            raise SsmphonyError(f"speed {self.speed:g} is out of range: choose {SPEEDS[0]} to {SPEEDS[1]}")
        if not -12.0 <= self.pitch_semitones <= 12.0:
            raise SsmphonyError(f"pitch {self.pitch_semitones:g} is out of range: choose -12 to 12 semitones")
        if not -(2**63) <= self.seed < 2**63:
            raise SsmphonyError(f"seed {self.seed} is out of range: choose -2^63 to 2^63 - 1")


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
    """A phoneme or a word with its place in the audio (seconds from the start of the stream).

    ``start`` and ``end`` are the character offsets of a word in the source text; -1 for a phoneme.
    """

    text: str
    start_s: float
    end_s: float
    start: int = -1
    end: int = -1


@dataclass(frozen=True)
class AudioChunk:
    """A piece of audio: float32 samples in [-1, 1], and the phonemes, words and marks that end in it."""

    samples: Samples
    sample_rate: int
    start_s: float = 0.0
    phonemes: tuple[TimedSpan, ...] = ()
    words: tuple[TimedSpan, ...] = ()
    marks: tuple[TimedSpan, ...] = ()

    @property
    def seconds(self) -> float:
        """The length of the samples."""
        return len(self.samples) / self.sample_rate

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(len(self.samples) or self.phonemes or self.words or self.marks)


@dataclass(frozen=True)
class Audio(AudioChunk):
    """A whole utterance: the concatenation of its chunks."""

    @classmethod
    def join(cls, chunks: Iterable[AudioChunk], sample_rate: int) -> Audio:
        """The chunks of one stream, in order; of none, an utterance without samples."""
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
    """A voice's description for people."""

    name: str
    language: str
    description: str = ""
    licence: str = ""
    attribution: str = ""
    speakers: tuple[str, ...] = field(default=())
    speaker_names: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    """The names of speakers that people are shown; see `speaker_labels`."""

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
