"""The pitch of speech that a teacher rendered, corrected by the periods of its sound.

What Kokoro calls the start of a phone is heard 62.5 ms earlier. Its pitch is not: it drives the source of the sound
directly. Renderers that shift both give a pitch that is 62.5 ms ahead (`pitch_lead`). And the sound follows its pitch
only to 1.2 to 1.9 % (median of a frame; `ssmphony.audio.pitch` follows the sound to 0.3 %), which at the tenth partial
is half the width of a partial (`refined`). A voice that learns from such a pitch has partials that glide too early, and
blurred ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ssmphony.arrays import Floats
from ssmphony.audio.pitch import track_pitch
from ssmphony.types import MelFormat, Samples

FARTHEST = 10
"""Values by which the pitch is moved at most."""
FEWEST = 100
"""Values in which the pitch moves, for a lead to be measured."""
_BETTER = 0.5
"""A lead must reduce the error by as much."""
_ALIKE = 0.15
"""Natural logarithm of a ratio: further apart, the tracker follows something else."""
_GLIDE = 0.03
"""Octaves by which the pitch moves over five values where it is compared: a level pitch says nothing of its time."""


def pitch_lead(clips: Iterable[tuple[Samples, Floats]], rate: int, hop: int) -> int:
    """The number of values that the pitches are ahead of their sounds: 0 where they fit, or where nothing can be said.

    Args:
        clips: Samples (n,) at ``rate``, and their pitch (value,) in Hz, 0 where unvoiced.
        rate: In Hz.
        hop: Samples of a value of the pitch.
    """
    leads = range(-FARTHEST, FARTHEST + 1)
    errors: dict[int, list[Floats]] = {lead: [] for lead in leads}
    for samples, hertz in clips:
        tracked = _tracked(samples, rate, hop)
        places = _glides(tracked, len(hertz))
        for lead in leads:
            given = hertz[places - lead]
            error = np.abs(np.log2(np.maximum(given, 1.0) / tracked[places]))
            errors[lead].append(np.where(given > 0, error, np.float32(np.inf)))
    if sum(map(len, errors[0])) < FEWEST:
        return 0
    medians = {lead: float(np.median(np.concatenate(parts))) for lead, parts in errors.items()}
    best = min(leads, key=lambda lead: (medians[lead], abs(lead)))
    return best if medians[best] < _BETTER * medians[0] else 0


def _glides(tracked: Floats, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Where the pitch is voiced and moves."""
    places = np.arange(FARTHEST, min(count, len(tracked)) - FARTHEST)
    around = np.stack([tracked[places + shift] for shift in range(-2, 3)]) if len(places) else np.zeros((5, 0))
    octaves = np.log2(np.maximum(around, 1.0))
    moves = np.abs(octaves[-1] - octaves[0])
    return places[(around > 0).all(0) & (moves > _GLIDE) & (moves < 10 * _GLIDE)]


def moved(hertz: Sequence[float], lead: int) -> list[float]:
    """A pitch of ``lead`` values too early, moved to its place; what is not known there is unvoiced."""
    values = list(hertz)
    if lead >= 0:
        return [*[0.0] * lead, *values][: len(values)]
    return [*values[-lead:], *[0.0] * -lead][: len(values)]


def refined(hertz: Floats, samples: Samples, rate: int, hop: int) -> Floats:
    """The pitch (value,) that the sound has: the given one times its ratio to the tracked one where both are voiced and
    alike; between such places the ratio is interpolated. What is voiced stays so."""
    tracked = _tracked(samples, rate, hop)[: len(hertz)]
    tracked = np.pad(tracked, (0, len(hertz) - len(tracked)))
    ratio = np.log(np.maximum(tracked, 1.0) / np.maximum(hertz, 1.0))
    (alike,) = np.nonzero((tracked > 0) & (hertz > 0) & (np.abs(ratio) < _ALIKE))
    if not len(alike):
        return hertz
    return (hertz * np.exp(np.interp(np.arange(len(hertz)), alike, ratio[alike]))).astype(np.float32)


def _tracked(samples: Samples, rate: int, hop: int) -> Floats:
    return track_pitch(samples, MelFormat(sample_rate=rate, n_fft=4 * hop, hop_length=hop))
