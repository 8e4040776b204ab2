"""Where a reading pauses and how long its phones last, compared with another reading of the same words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ssmphony.evaluation.metrics.defects import short_time_rms
from ssmphony.text.vocabulary import VOWELS
from ssmphony.types import Samples

Span = tuple[float, float]

SHORTEST_PAUSE_S = 0.15
"""Silence of a stop consonant is shorter."""
QUIET = 10 ** (-35.0 / 20.0)
"""Relative to the loudest 50 ms."""
LONGEST_PHONE_S = 0.5
"""An onset this long before the next one is followed by a pause."""

_CONSONANTS = {
    "voiceless stops": "k tʃ ʈ t̪ p q",
    "aspirated stops": "kʰ tʃʰ ʈʰ t̪ʰ pʰ ɡʱ dʒʱ ɖʱ d̪ʱ bʱ",
    "voiced stops": "ɡ dʒ ɖ d̪ b",
    "nasals": "ŋ ɲ ɳ n m",
    "fricatives": "ʃ ʂ s ɦ x ɣ z ʒ f",
    "liquids and glides": "j ɾ l ʋ ɽ ɽʱ",
}
PHONE_CLASSES: Mapping[str, str] = {
    **{symbol: "nasal vowels" for symbol in VOWELS if "\u0303" in symbol or symbol[0] in "ãẽĩõũ"},
    **{symbol: name for name, symbols in _CONSONANTS.items() for symbol in symbols.split()},
}


class PauseCounts(NamedTuple):
    """Pauses of the recording, of the sound, and of both at the same boundary between words."""

    wanted: int
    made: int
    shared: int


def phone_class(symbol: str) -> str:
    """What kind of phone a symbol is."""
    vowel = "long vowels" if symbol.endswith("ː") else "short vowels"
    return PHONE_CLASSES.get(symbol, vowel)


def pauses(samples: Samples, rate: int, window_s: float = 0.01) -> list[Span]:
    """Start and end in s of every silence between the first sound and the last."""
    if not len(samples):
        return []
    smooth = np.convolve(short_time_rms(samples, rate, window_s) ** 2, np.ones(3) / 3, mode="same") ** 0.5
    loudest = short_time_rms(samples, rate).max(initial=0.0)
    loud = np.flatnonzero(smooth > loudest * QUIET)
    gaps = np.flatnonzero(np.diff(loud) * window_s >= SHORTEST_PAUSE_S)
    return [(float(loud[k] + 1) * window_s, float(loud[k + 1]) * window_s) for k in gaps]


def paused_boundaries(silences: Sequence[Span], words: Sequence[Span]) -> set[int]:
    """After which word each silence lies: the boundary nearest to its middle."""
    boundaries = [(before[1] + after[0]) / 2 for before, after in zip(words, words[1:], strict=False)]
    if not boundaries:
        return set()
    return {int(np.argmin([abs(place - (start + end) / 2) for place in boundaries])) for start, end in silences}


def compare_pauses(reference: set[int], made: set[int]) -> PauseCounts:
    return PauseCounts(len(reference), len(made), len(reference & made))


def precision_and_recall(counts: Sequence[PauseCounts]) -> tuple[float, float]:
    """Of all pauses that were made, the share the recordings have; of theirs, the share that was made. NaN of none."""
    wanted, made, shared = (sum(column) for column in zip(*counts, strict=True))
    return shared / made if made else float("nan"), shared / wanted if wanted else float("nan")


def phone_durations(spans: Sequence[Span]) -> list[float]:
    """From the onset of each phone to the next one, in s; NaN before a pause and for the last phone."""
    onsets = np.array([start for start, _ in spans])
    lengths = np.append(np.diff(onsets), np.nan)
    return np.where(lengths > LONGEST_PHONE_S, np.nan, lengths).tolist()


def duration_errors(symbols: Sequence[str], a: Sequence[float], b: Sequence[float]) -> dict[str, list[float]]:
    """Class → differences ``b - a`` in s, of phones whose duration is known in both."""
    found: dict[str, list[float]] = {}
    for symbol, first, second in zip(symbols, a, b, strict=True):
        if np.isfinite(first) and np.isfinite(second):
            found.setdefault(phone_class(symbol), []).append(second - first)
    return found
