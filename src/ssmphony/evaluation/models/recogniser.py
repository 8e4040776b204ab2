"""What a recogniser reads in a clip: phone and character errors, and words left out, said twice or invented.

The recogniser (`ssmphony.alignment.recogniser`) knows this project's recordings and its teacher, so its figures are
in-domain: they compare conditions of the same sentences, and are not comparable with published word error rates.

A word counts as skipped when the clip is likelier without it than with it or with as many phones of any kind in its
place, and as repeated when it is likelier with it said twice or with as many phones of any kind after it, each by more
than `MARGIN` nats of the CTC likelihood. The phones of any kind (fillers, as in keyword spotting) keep a word that is
there and was misheard from being missing; in a transcript, one wrong phone would spoil a word. What was said after a
repeated word may be misheard too, but not be anything: `ALIKE`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from ssmphony.alignment.ctc import Edits, edits, force, greedy, log_likelihoods
from ssmphony.alignment.phones import phone_middles
from ssmphony.alignment.recogniser import STRIDE, Alphabet, read_recogniser
from ssmphony.arrays import Doubles, Floats
from ssmphony.audio.mel import log_mel
from ssmphony.audio.resample import resample
from ssmphony.types import MelFormat, Samples, SsmphonyError

WEIGHTS = Path(__file__).with_name("recogniser.safetensors")
MARGIN = 4.0
"""`tests/unit/evaluation/models/test_skipped_word.py` (slow) says how many faults it finds, and how many are false."""
ALIKE = -10.0
"""The clip must be at least this many nats likelier with a word said twice than once, for it to count as repeated.
Of 70 words that were doubled in the sound of 70 sentences 63 are above, of 57 that were not, and had phones of any
kind recognised after them, one (docs/log.md#said-twice)."""
INVENTED = 3
"""This many phones in a row that the text does not have count as invented speech."""


class Recognition(NamedTuple):
    """Log-probabilities of one clip, (step, class) of the ``alphabet``; ``step_s`` is the time between steps."""

    phones: npt.NDArray[np.float32]
    characters: npt.NDArray[np.float32]
    step_s: float
    alphabet: Alphabet

    @property
    def character_reading(self) -> str:
        return "".join(self.alphabet.characters[number - 1] for number in greedy(self.characters))


class WordFaults(NamedTuple):
    """Indices of words that were left out or said twice, and how many stretches were invented."""

    skipped: tuple[int, ...]
    repeated: tuple[int, ...]
    invented: int


def base_language(code: str) -> str:
    """A BCP 47 code without region and script: ``hi-IN`` is ``hi``."""
    return code.replace("_", "-").split("-")[0].lower()


class SpeechRecogniser:
    """The shipped recogniser, or the one of a ``.safetensors`` file."""

    def __init__(self, path: Path = WEIGHTS, language: str = "") -> None:
        """``language``: of what is to be recognised; raises `SsmphonyError` where the model knows another."""
        self.model = read_recogniser(path).eval()
        self.alphabet = self.model.alphabet
        known = self.alphabet.frontend.language
        if language and known and base_language(language) != base_language(known):
            raise SsmphonyError(f"{path.name} recognises '{known}', not '{language}': train one, and give --recogniser")
        self.format = MelFormat()

    def __call__(self, samples: Samples, sample_rate: int) -> Recognition:
        """samples (n,). Raises ValueError for a clip of no samples."""
        if not len(samples):
            raise ValueError("a sound of no samples cannot be recognised")
        mel = self._mel(samples, sample_rate)
        with torch.inference_mode():
            scores = self.model(mel, torch.ones(mel.shape[:2], dtype=torch.bool))
        step_s = STRIDE / self.format.frame_rate
        return Recognition(scores.phones[0].numpy(), scores.characters[0].numpy(), step_s, self.alphabet)

    def features(self, samples: Samples, sample_rate: int, window_s: float = 1.0) -> Floats:
        """Means of its last states over ``window_s``: (window, d_model). A shorter sound is one window."""
        mel = self._mel(samples, sample_rate)
        with torch.inference_mode():
            states = self.model.states(mel, torch.ones(mel.shape[:2], dtype=torch.bool))[0].numpy()
        size = max(1, round(window_s * self.format.frame_rate / STRIDE))
        count = max(1, len(states) // size)
        return np.stack([states[k * size : (k + 1) * size].mean(axis=0) for k in range(count)])

    def _mel(self, samples: Samples, sample_rate: int) -> torch.Tensor:
        return torch.from_numpy(log_mel(resample(samples, sample_rate, self.format.sample_rate), self.format))[None]


@dataclass(frozen=True)
class PhoneError:
    """Edits per phone of the reading of a clip: for `ssmphony.data.prepare`, in any process."""

    weights: Path = WEIGHTS

    def __call__(self, samples: Samples, sample_rate: int, symbols: Sequence[str]) -> float:
        """samples (n,)."""
        found = _loaded(self.weights)(samples, sample_rate)
        return phone_edits(found, symbols).total / max(1, len(found.alphabet.phone_classes(symbols)))


@dataclass(frozen=True)
class PhoneTimes:
    """When each symbol of a clip is spoken: for `ssmphony.data.prepare`, in any process."""

    weights: Path = WEIGHTS

    def __call__(self, samples: Samples, sample_rate: int, symbols: Sequence[str]) -> Doubles:
        """The middle of each symbol in s, (symbol,); NaN for punctuation and others that make no sound.

        samples (n,). Raises ValueError for a clip that has no phones, or is too short for them.
        """
        found = _loaded(self.weights)(samples, sample_rate)
        classes = [found.alphabet.phone_classes([symbol]) for symbol in symbols]
        middles = np.full(len(symbols), np.nan)
        sounding = [place for place, known in enumerate(classes) if known]
        if not sounding:
            raise ValueError("the recogniser knows none of its phones")
        middles[sounding] = phone_middles(found.phones, [number for known in classes for number in known], found.step_s)
        return middles


@lru_cache(maxsize=1)
def _loaded(weights: Path) -> SpeechRecogniser:
    return SpeechRecogniser(weights)


def phone_edits(recognition: Recognition, symbols: Sequence[str]) -> Edits:
    """The reading compared with the phones of ``symbols``, punctuation left out."""
    return edits(greedy(recognition.phones), recognition.alphabet.phone_classes(symbols))


def character_edits(recognition: Recognition, text: str) -> Edits:
    """The reading compared with ``text`` as it is read out."""
    return edits(greedy(recognition.characters), recognition.alphabet.character_classes(text))


def word_times(recognition: Recognition, words: Sequence[Sequence[str]]) -> list[tuple[float, float]]:
    """Start and end of each word in seconds, by forced alignment of its phones.

    Raises ValueError when the clip is too short for the words, or a word has no phones.
    """
    spans = force(recognition.phones, [number for word in words for number in recognition.alphabet.phone_classes(word)])
    stops = np.cumsum([len(recognition.alphabet.phone_classes(word)) for word in words])
    firsts = np.concatenate([[0], stops[:-1]])
    if (stops == firsts).any():
        raise ValueError("a word without phones has no time")
    return [
        (spans[first][0] * recognition.step_s, spans[stop - 1][1] * recognition.step_s)
        for first, stop in zip(firsts, stops, strict=True)
    ]


def word_faults(recognition: Recognition, words: Sequence[Sequence[str]]) -> WordFaults:
    """``words``: the phones of each word that should be spoken, in order."""
    spoken = [recognition.alphabet.phone_classes(word) for word in words]
    anything = [[recognition.phones.shape[1] + place % 2 for place, _ in enumerate(word)] for word in spoken]
    mumbled = [[*spoken[:i], anything[i], *spoken[i + 1 :]] for i in range(len(spoken))]
    without = [spoken[:i] + spoken[i + 1 :] for i in range(len(spoken))]
    doubled = [[*spoken[: i + 1], *spoken[i:]] for i in range(len(spoken))]
    stuttered = [[*spoken[: i + 1], anything[i], *spoken[i + 1 :]] for i in range(len(spoken))]
    readings = [spoken, *mumbled, *without, *doubled, *stuttered]
    scores = log_likelihoods(_with_anything(recognition.phones), [_joined(reading) for reading in readings])
    as_written, mumbling, skipping, doubling, stuttering = scores[0], *np.split(scores[1:], 4)
    skipped = skipping - np.maximum(mumbling, as_written) > MARGIN
    repeated = (np.maximum(doubling, stuttering) - as_written > MARGIN) & (doubling - as_written > ALIKE)
    # What was said twice is also a stutter after the word before: of neighbours the one that was doubled.
    around = np.pad(np.where(repeated, doubling, -np.inf), 1, constant_values=-np.inf)
    repeated &= doubling >= np.maximum(around[:-2], around[2:])
    return WordFaults(_indices(skipped), _indices(repeated), _invented(recognition, _joined(spoken)))


def _indices(found: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(found).tolist())


def _with_anything(phones: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Two more classes, which are any phone: two, as a class that follows itself needs a blank between."""
    anything = np.log(np.maximum(1.0 - np.exp(phones[:, :1]), 1e-6))
    return np.concatenate([phones, anything, anything], axis=1).astype(np.float32)


def _joined(words: Sequence[list[int]]) -> list[int]:
    return [number for word in words for number in word]


def _invented(recognition: Recognition, reference: list[int]) -> int:
    """Stretches of at least `INVENTED` phones that were recognised and that the text does not have."""
    run, found = 0, 0
    for _, wanted in edits(greedy(recognition.phones), reference).pairs:
        run = run + 1 if wanted < 0 else 0
        found += run == INVENTED
    return found
