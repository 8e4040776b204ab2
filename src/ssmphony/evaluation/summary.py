"""From the rows of clips to the figures of a voice, and of two voices side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ssmphony.evaluation import contrasts, robustness
from ssmphony.evaluation.frechet.distance import FrechetDistance, frechet_distance, halves
from ssmphony.evaluation.frechet.references import References
from ssmphony.evaluation.material import CONDITIONS
from ssmphony.evaluation.metrics import corpus
from ssmphony.evaluation.metrics.registry import METRICS
from ssmphony.evaluation.statistics import Interval, of_difference, of_mean
from ssmphony.evaluation.worker import Setting, feature_path

Row = dict[str, Any]
Figures = Mapping[str, float | None]

RANKED = ("phone_error", "mcd_db", "dnsmos_overall", "log_f0_rmse")
"""What makes a clip a bad one, each relative to the spread of all clips."""
COMPARED = ("copy", "free")


def conclude(rows: Sequence[Row], setting: Setting, known: References | None) -> Row:
    """``clips`` worst first; ``means`` by condition and metric; ``sets``, ``frechet``, ``sentences``, ``stories``,
    ``contrasts``."""
    kinds = {kind: [row for row in rows if row["kind"] == kind] for kind in ("clip", "sentence", "story", "contrast")}
    clips, sentences = kinds["clip"], kinds["sentence"]
    means = {
        condition: means_of([row["conditions"][condition] for row in clips if condition in row["conditions"]])
        for condition in CONDITIONS
    }
    means["unseen"] = means_of([row["figures"] for row in sentences if "figures" in row])
    return {
        "clips": worst_first(clips),
        "means": {condition: figures for condition, figures in means.items() if figures},
        "sets": corpus.conclude([row["sets"] for row in clips]),
        "frechet": _frechet(setting, clips, sentences, known) if known else {},
        "speaker_floors": {name: _fields(floor) for name, floor in known.floors().items()} if known else {},
        "sentences": _broken(sentences),
        "stories": _broken(kinds["story"]),
        "contrasts": contrasts.summary(kinds["contrast"]),
        "unseen": [
            {"clip": row["clip"], "text": row["text"], "conditions": {"free": row["figures"]}}
            for row in sentences
            if "figures" in row
        ],
    }


def means_of(figures: Sequence[Figures]) -> dict[str, Row]:
    """Metric → mean with its interval, and the worst clip's."""
    found: dict[str, Row] = {}
    for name, metric in METRICS.items():
        values = [value for row in figures if (value := row.get(name)) is not None and _is_number(value)]
        interval = of_mean(values)
        if interval:
            found[name] = {**interval._asdict(), "worst": min(values) if metric.better == "higher" else max(values)}
    return found


def worst_first(clips: Sequence[Row], ranked: Sequence[str] = RANKED) -> list[Row]:
    """By the sum over metrics of how many standard deviations a clip's synthesis is worse than the mean."""
    badness = np.zeros(len(clips))
    for name in ranked:
        sign = -1.0 if METRICS[name].better == "higher" else 1.0
        values = np.array([row["conditions"]["free"].get(name, np.nan) for row in clips], np.float64)
        if np.isfinite(values).any() and np.nanstd(values) > 0:
            badness += np.nan_to_num(sign * (values - np.nanmean(values)) / np.nanstd(values))
    return [clips[k] for k in np.argsort(-badness, kind="stable")]


def compare_voices(a: Row, b: Row) -> list[Row]:
    """Of each metric, ``b - a`` on the clips that both have, with its interval: ``better`` where that excludes zero."""
    rows: list[Row] = []
    for source, conditions in (("clips", COMPARED), ("unseen", ("free",))):
        pairs = _shared(a[source], b[source])
        for condition in conditions:
            for name, metric in METRICS.items():
                both = [
                    (x["conditions"].get(condition, {}).get(name), y["conditions"].get(condition, {}).get(name))
                    for x, y in pairs
                ]
                known = [
                    (x, y) for x, y in both if x is not None and y is not None and np.isfinite(x) and np.isfinite(y)
                ]
                change = of_difference(*map(list, zip(*known, strict=True))) if len(known) > 1 else None
                if change and metric.better != "neither":
                    where = (
                        f"{CONDITIONS[condition]}, unseen sentences" if source == "unseen" else CONDITIONS[condition]
                    )
                    rows.append({"where": where, "metric": name, **_fields(change), "verdict": verdict(name, change)})
    return rows


def verdict(name: str, change: Interval) -> str:
    """Which voice the interval of ``b - a`` speaks for."""
    if change.low <= 0.0 <= change.high:
        return "undecided"
    lower_is_better = METRICS[name].better == "lower"
    return "b" if (change.high < 0.0) == lower_is_better else "a"


def _is_number(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _shared(a: Sequence[Row], b: Sequence[Row]) -> list[tuple[Row, Row]]:
    by_text = {(row["clip"], row["text"]): row for row in b}
    return [(row, by_text[key]) for row in a if (key := (row["clip"], row["text"])) in by_text]


def _frechet(setting: Setting, clips: Sequence[Row], sentences: Sequence[Row], known: References) -> dict[str, Any]:
    """Feature set → label → distance from the other recordings of the corpus; the floor comes first."""
    compared = {
        label: [(row["clip"], condition) for row in clips if condition in row["conditions"]]
        for condition, label in CONDITIONS.items()
    }
    compared["synthesis of unseen sentences"] = [(row["clip"], "free") for row in sentences if "figures" in row]
    tables: dict[str, Any] = {}
    for name, recorded in known.features.items():
        found = {"floor: one half of the recordings from the other": frechet_distance(*halves(recorded))}
        for label, chosen in compared.items():
            paths = [feature_path(setting, name, f"{clip}-{condition}") for clip, condition in chosen]
            features = [np.load(path).astype(np.float32) for path in paths if path.is_file()]
            found[f"{label}, from other recordings"] = frechet_distance(recorded, features)
        rows = {label: _frechet_row(distance) for label, distance in found.items() if distance}
        if rows:
            tables[name] = rows
    return tables


def _frechet_row(distance: FrechetDistance) -> Row:
    return {**distance._asdict(), "rough": distance.rough}


def _broken(rows: Sequence[Row]) -> Row:
    return robustness.summary([{**row, "id": row["clip"]} for row in rows]) if rows else {}


def _fields(interval: Interval | None) -> Row:
    return interval._asdict() if interval else {}
