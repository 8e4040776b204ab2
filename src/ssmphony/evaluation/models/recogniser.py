"""What a recogniser hears in a clip: phone and character errors, and words that were left out, said twice or made up.

The recogniser (`ssmphony.alignment.recogniser`) knows this project's recordings and its teacher, so its figures are
in-domain: they compare conditions to speak the same sentences, and stand beside no published word error rate.

A word counts as skipped when the clip is likelier without it than with it or with as many phones of any kind in its
place, and as repeated when it is likelier with it said twice or with as many phones of any kind behind it, each by more
than `MARGIN` nats of the CTC likelihood. The phones of any kind (fillers, as in keyword spotting) keep a word that is
there and was misheard from being missing; in a transcript, one wrong phone would spoil a word. What was said behind a
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
from ssmphony.alignment.recogniser import CHARACTERS, PHONES, STRIDE, character_classes, phone_classes, read_recogniser
from ssmphony.audio.mel import log_mel
from ssmphony.audio.resample import resample
from ssmphony.types import MelFormat, Samples

WEIGHTS = Path(__file__).with_name("recogniser.safetensors")
MARGIN = 4.0
"""`tests/unit/evaluation/models/test_skipped_word.py` (slow) says how many faults it finds, and how many are false."""
ALIKE = -10.0
"""At least so many nats the clip must be likelier with a word said twice than with it said once, for it to be repeated.
Of 70 words that were doubled in the sound of 70 sentences 63 are above, of 57 that were not, and had phones of any
kind heard behind them, one (docs/log.md#said-twice)."""
INVENTED = 3
"""So many phones in a row that the text does not have are something made up."""


class Heard(NamedTuple):
    """Log-probabilities of one clip, (step, class); ``step_s`` is the time between steps."""

    phones: npt.NDArray[np.float32]
    characters: npt.NDArray[np.float32]
    step_s: float

    @property
    def phone_reading(self) -> tuple[str, ...]:
        return tuple(PHONES[number - 1] for number in greedy(self.phones))

    @property
    def character_reading(self) -> str:
        return "".join(CHARACTERS[number - 1] for number in greedy(self.characters))


class WordFaults(NamedTuple):
    """Indices of words that were left out or said twice, and how many stretches were made up."""

    skipped: tuple[int, ...]
    repeated: tuple[int, ...]
    invented: int


class Listener:
    """The shipped recogniser, or the one of a ``.safetensors`` file."""

    def __init__(self, path: Path = WEIGHTS) -> None:
        self.model = read_recogniser(path).eval()
        self.format = MelFormat()

    def __call__(self, samples: Samples, sample_rate: int) -> Heard:
        """samples (n,). Raises ValueError for a clip of no samples."""
        if not len(samples):
            raise ValueError("there is nothing to hear in a sound of no samples")
        mel = torch.from_numpy(log_mel(resample(samples, sample_rate, self.format.sample_rate), self.format))[None]
        with torch.inference_mode():
            scores = self.model(mel, torch.ones(mel.shape[:2], dtype=torch.bool))
        return Heard(scores.phones[0].numpy(), scores.characters[0].numpy(), STRIDE / self.format.frame_rate)


@dataclass(frozen=True)
class PhoneError:
    """Edits per phone of the reading of a clip: for `ssmphony.data.prepare`, in any process."""

    weights: Path = WEIGHTS

    def __call__(self, samples: Samples, sample_rate: int, symbols: Sequence[str]) -> float:
        """samples (n,)."""
        heard = _listener(self.weights)(samples, sample_rate)
        return phone_edits(heard, symbols).total / max(1, len(phone_classes(symbols)))


@lru_cache(maxsize=1)
def _listener(weights: Path) -> Listener:
    return Listener(weights)


def phone_edits(heard: Heard, symbols: Sequence[str]) -> Edits:
    """The reading beside the phones of ``symbols``, punctuation left out."""
    return edits(greedy(heard.phones), phone_classes(symbols))


def character_edits(heard: Heard, text: str) -> Edits:
    """The reading beside ``text`` as it is read out."""
    return edits(greedy(heard.characters), character_classes(text))


def word_times(heard: Heard, words: Sequence[Sequence[str]]) -> list[tuple[float, float]]:
    """Start and end of each word in seconds, by forced alignment of its phones.

    Raises ValueError when the clip is too short for the words, or a word has no phones.
    """
    spans = force(heard.phones, [number for word in words for number in phone_classes(word)])
    stops = np.cumsum([len(phone_classes(word)) for word in words])
    firsts = np.concatenate([[0], stops[:-1]])
    if (stops == firsts).any():
        raise ValueError("a word without phones has no time")
    return [
        (spans[first][0] * heard.step_s, spans[stop - 1][1] * heard.step_s)
        for first, stop in zip(firsts, stops, strict=True)
    ]


def word_faults(heard: Heard, words: Sequence[Sequence[str]]) -> WordFaults:
    """``words``: the phones of each word that should be heard, in order."""
    spoken = [phone_classes(word) for word in words]
    anything = [[heard.phones.shape[1] + place % 2 for place, _ in enumerate(word)] for word in spoken]
    mumbled = [[*spoken[:i], anything[i], *spoken[i + 1 :]] for i in range(len(spoken))]
    without = [spoken[:i] + spoken[i + 1 :] for i in range(len(spoken))]
    doubled = [[*spoken[: i + 1], *spoken[i:]] for i in range(len(spoken))]
    stuttered = [[*spoken[: i + 1], anything[i], *spoken[i + 1 :]] for i in range(len(spoken))]
    readings = [spoken, *mumbled, *without, *doubled, *stuttered]
    scores = log_likelihoods(_with_anything(heard.phones), [_joined(reading) for reading in readings])
    as_written, mumbling, skipping, doubling, stuttering = scores[0], *np.split(scores[1:], 4)
    skipped = skipping - np.maximum(mumbling, as_written) > MARGIN
    repeated = (np.maximum(doubling, stuttering) - as_written > MARGIN) & (doubling - as_written > ALIKE)
    # What was said twice is also a stutter behind the word before: of neighbours the one that was doubled.
    around = np.pad(np.where(repeated, doubling, -np.inf), 1, constant_values=-np.inf)
    repeated &= doubling >= np.maximum(around[:-2], around[2:])
    return WordFaults(_indices(skipped), _indices(repeated), _invented(heard, _joined(spoken)))


def _indices(found: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(found).tolist())


def _with_anything(phones: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Two more classes, which are any phone: two, as a class that follows itself needs a blank between."""
    anything = np.log(np.maximum(1.0 - np.exp(phones[:, :1]), 1e-6))
    return np.concatenate([phones, anything, anything], axis=1).astype(np.float32)


def _joined(words: Sequence[list[int]]) -> list[int]:
    return [number for word in words for number in word]


def _invented(heard: Heard, reference: list[int]) -> int:
    """Stretches of at least `INVENTED` phones that were heard and that the text does not have."""
    run, found = 0, 0
    for _, wanted in edits(greedy(heard.phones), reference).pairs:
        run = run + 1 if wanted < 0 else 0
        found += run == INVENTED
    return found
