"""Figures that only many clips give: each collects something of every clip, and concludes from all of it.

A new one is a class here with ``collect`` (JSON of one sample) and ``conclude`` (label → figure), and a line in `SETS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ssmphony.evaluation.metrics.timing import (
    PauseCounts,
    compare_pauses,
    duration_errors,
    paused_boundaries,
    pauses,
    phone_durations,
    precision_and_recall,
)
from ssmphony.evaluation.metrics.variance import GROUPS, by_region
from ssmphony.evaluation.sample import Sample


class Collected(Protocol):
    """``needs``: a model, or nothing. ``collect`` returns None where a clip has no part in it."""

    title: str
    needs: str

    def collect(self, sample: Sample) -> Any: ...

    def conclude(self, values: Sequence[Any]) -> dict[str, float]: ...


class Pauses:
    """Pauses of the synthesis at the boundaries between words where the recording pauses, too."""

    title = "Pauses inside sentences (150 ms and longer)"
    needs = ""

    def collect(self, sample: Sample) -> PauseCounts | None:
        recorded, free = sample.recording.rendition, sample.rendition
        if sample.condition != "free" or not free.words or len(recorded.words) != len(free.words):
            return None
        found = (
            paused_boundaries(pauses(condition.samples, sample.rate), condition.words) for condition in (recorded, free)
        )
        return compare_pauses(*found)

    def conclude(self, values: Sequence[Any]) -> dict[str, float]:
        counts = [PauseCounts(*value) for value in values]
        precision, recall = precision_and_recall(counts)
        pauses_of = {
            "in the recordings": sum(c.wanted for c in counts),
            "in the synthesis": sum(c.made for c in counts),
        }
        return {"precision": precision, "recall": recall, **pauses_of}


class Durations:
    """Durations of phones by forced alignment of both sounds, so that both have the aligner's own error."""

    title = "Phone durations against the recording's, ms: mean absolute error, and how much longer"
    needs = "recogniser"

    def collect(self, sample: Sample) -> dict[str, list[float]] | None:
        spans = sample.recording.phone_spans, sample.phone_spans
        if sample.condition != "free" or not all(spans):
            return None
        return duration_errors(sample.phones, *map(phone_durations, spans))

    def conclude(self, values: Sequence[Any]) -> dict[str, float]:
        found: dict[str, list[float]] = {}
        for value in values:
            for kind, errors in value.items():
                found.setdefault(kind, []).extend(errors)
        rows: dict[str, float] = {}
        for kind, errors in sorted(found.items()):
            rows[f"{kind} ({len(errors)}): error"] = 1e3 * float(np.abs(errors).mean())
            rows[f"{kind}: longer by"] = 1e3 * float(np.mean(errors))
        return rows


class GlobalVariance:
    """Over-smoothing by region of the spectrum."""

    title = "Global variance relative to the recording's, by tenth of the mel axis (1 is as lively)"
    needs = ""

    def collect(self, sample: Sample) -> list[list[float]] | None:
        if sample.condition != "free":
            return None
        both = sample.recording.band_variance, sample.band_variance
        return [np.round(variance, 5).tolist() for variance in both]

    def conclude(self, values: Sequence[Any]) -> dict[str, float]:
        recorded, free = np.mean(np.array(values), axis=0)
        return {f"{k + 1} of {GROUPS}": ratio for k, ratio in enumerate(by_region(recorded, free))}


SETS: dict[str, Collected] = {"pauses": Pauses(), "durations": Durations(), "global_variance": GlobalVariance()}


def collect(sample: Sample) -> dict[str, Any]:
    """What the sets take from a sample and its recording."""
    if sample.original is None or not len(sample.sound):
        return {}
    found = {name: part.collect(sample) for name, part in SETS.items() if not part.needs or part.needs in sample.models}
    return {name: value for name, value in found.items() if value is not None}


def conclude(collected: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Name → label → figure, of the sets that any clip has a part in."""
    values = {name: [row[name] for row in collected if name in row] for name in SETS}
    return {name: SETS[name].conclude(rows) for name, rows in values.items() if rows}
