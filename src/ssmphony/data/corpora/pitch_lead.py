"""How far the given pitch of rendered clips is ahead of their sound: measured, since renderers have got it wrong.

What Kokoro calls the start of a phone is heard 62.5 ms earlier. Its pitch is not: it drives the source of the sound
directly. Renderers that shift both give a pitch that is 62.5 ms ahead, and a voice that learns from it has partials
that glide too early.
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
    grid = MelFormat(sample_rate=rate, n_fft=4 * hop, hop_length=hop)
    for samples, hertz in clips:
        tracked = track_pitch(samples, grid)
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
