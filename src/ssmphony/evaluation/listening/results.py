"""What the listeners said: the statistics of an AB or a MUSHRA test from its CSV files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from ssmphony.config import load_json
from ssmphony.evaluation.listening.make import KEY, REFERENCE
from ssmphony.evaluation.statistics import of_mean
from ssmphony.types import SsmphonyError

Answer = dict[str, str]

HEADER = {"listener", "test", "trial", "first", "second", "answer"}
HIDDEN_LEAST = 90.0
HIDDEN_SHARE = 0.15
"""BS.1534: who rates the hidden original below 90 in more than 15 % of the trials is left out."""


class Preference(NamedTuple):
    """Of an AB test. ``share`` of b among decided answers with its 95 % interval (Clopper and Pearson, 1934).

    ``p`` is of the two-sided binomial test over all answers; ``p_listeners`` of Wilcoxon's signed-rank test over the
    listeners' shares, which takes no two answers of one person for independent; NaN where it says nothing.
    """

    a: str
    b: str
    prefer_a: int
    prefer_b: int
    undecided: int
    share: float
    low: float
    high: float
    p: float
    p_listeners: float


def conclusion(files: Sequence[Path], folder: Path) -> list[str]:
    """The statistics of a test, in lines."""
    test, answers = read_answers(files, folder)
    people = len({row["listener"] for row in answers})
    lines = [f"{people} listeners, {len(answers)} answers"]
    return lines + (_ab_lines if test["kind"] == "ab" else _mushra_lines)(test["key"], answers)


def _ab_lines(key: Mapping[str, str], answers: Sequence[Answer]) -> list[str]:
    found = preference(key, answers)
    return [
        f"{found.a}: {found.prefer_a}; {found.b}: {found.prefer_b}; no difference: {found.undecided}",
        f"{found.b} is preferred in {found.share:.0%} of the decided answers "
        f"(95 % interval {found.low:.0%} to {found.high:.0%})",
        f"binomial test p = {found.p:.3g}; Wilcoxon's over listeners p = {found.p_listeners:.3g}",
    ]


def _mushra_lines(key: Mapping[str, str], answers: Sequence[Answer]) -> list[str]:
    found = ratings(key, answers)
    ordered = sorted(found.means.items(), key=lambda item: -item[1]["mean"])
    lines = [f"{name}: {row['mean']:.1f} ({row['low']:.1f} to {row['high']:.1f})" for name, row in ordered]
    lines += [f"{a} against {b}: p = {p:.3g} (Wilcoxon, Holm)" for (a, b), p in found.pairs.items()]
    if found.left_out:
        lines.append(f"left out, they did not know the hidden original: {', '.join(found.left_out)}")
    return lines


def read_answers(files: Iterable[Path], folder: Path) -> tuple[dict[str, Any], list[Answer]]:
    """The key of the test and all answers to it; raises `SsmphonyError` for a file that is not one of its results."""
    key = load_json(folder / KEY)
    answers: list[Answer] = []
    for path in files:
        try:
            rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SsmphonyError(f"cannot read {path}: {error}") from None
        if not rows or not set(rows[0]) >= HEADER:
            raise SsmphonyError(f"{path}: not the answers of a listening test")
        if any(row["test"] != key["id"] or row["first"] not in key["key"] for row in rows):
            raise SsmphonyError(f"{path}: the answers belong to another test than {folder}")
        answers += rows
    if not answers:
        raise SsmphonyError("no answers: give the CSV files that the listeners saved")
    return key, answers


def preference(key: Mapping[str, str], answers: Sequence[Answer]) -> Preference:
    """Which of two systems the listeners like better. ``key``: file → system."""
    a, b = sorted(set(key.values()))
    chosen = [(row["listener"], key[row["answer"]] if row["answer"] else None) for row in answers]
    prefer_a, prefer_b = (sum(choice == name for _, choice in chosen) for name in (a, b))
    decided = prefer_a + prefer_b
    undecided = len(chosen) - decided
    if not decided:
        nothing = float("nan")
        return Preference(a, b, 0, 0, undecided, nothing, nothing, nothing, 1.0, nothing)
    test = stats.binomtest(prefer_b, decided)
    bounds = test.proportion_ci(0.95, "exact")
    by_listener = _listener_leanings(chosen, a, b)
    p_listeners = _wilcoxon(by_listener) if np.any(by_listener) else float("nan")
    return Preference(
        a,
        b,
        prefer_a,
        prefer_b,
        undecided,
        prefer_b / decided,
        float(bounds.low),
        float(bounds.high),
        float(test.pvalue),
        p_listeners,
    )


def _listener_leanings(chosen: Sequence[tuple[str, str | None]], a: str, b: str) -> list[float]:
    """Of each listener, the share of b less the share of a."""
    leanings: dict[str, list[int]] = {}
    for listener, choice in chosen:
        leanings.setdefault(listener, []).append((choice == b) - (choice == a))
    return [float(np.mean(values)) for values in leanings.values()]


class Ratings(NamedTuple):
    """Of a MUSHRA test: ``means`` by system with 95 % intervals; ``pairs``: Wilcoxon's p of each two systems, Holm's
    correction made; ``left_out``: listeners who did not know the hidden original."""

    means: dict[str, dict[str, float]]
    pairs: dict[tuple[str, str], float]
    left_out: tuple[str, ...]


def ratings(key: Mapping[str, str], answers: Sequence[Answer]) -> Ratings:
    """What each system got, 0 to 100. ``key``: file → system. Raises `SsmphonyError` when nobody is left."""
    scores: dict[tuple[str, str], dict[str, float]] = {}
    for row in answers:
        trial = scores.setdefault((row["listener"], row["trial"]), {})
        trial[key[row["first"]]] = float(row["answer"])
    left_out = _unreliable(scores)
    kept = [trial for (listener, _), trial in scores.items() if listener not in left_out]
    if not kept:
        raise SsmphonyError("no listener recognised the hidden original: nothing can be concluded")
    systems = sorted({system for trial in kept for system in trial})
    means = {system: of_mean([trial[system] for trial in kept if system in trial]) for system in systems}
    return Ratings(
        {system: interval._asdict() for system, interval in means.items() if interval},
        _holm({pair: _signed_rank(kept, *pair) for pair in combinations(systems, 2)}),
        left_out,
    )


def _unreliable(scores: Mapping[tuple[str, str], Mapping[str, float]]) -> tuple[str, ...]:
    low: dict[str, list[bool]] = {}
    for (listener, _), trial in scores.items():
        if REFERENCE in trial:
            low.setdefault(listener, []).append(trial[REFERENCE] < HIDDEN_LEAST)
    return tuple(listener for listener, values in low.items() if np.mean(values) > HIDDEN_SHARE)


def _signed_rank(trials: Sequence[Mapping[str, float]], a: str, b: str) -> float:
    differences = [trial[a] - trial[b] for trial in trials if a in trial and b in trial]
    return _wilcoxon(differences) if np.any(differences) else 1.0


def _wilcoxon(differences: Sequence[float]) -> float:
    result: Any = stats.wilcoxon(differences)
    return float(result.pvalue)


def _holm(p: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """Holm (1979): the smallest p times the number of tests, the next times one less, never falling."""
    ordered = sorted(p, key=lambda pair: p[pair])
    corrected, highest = dict[tuple[str, str], float](), 0.0
    for rank, pair in enumerate(ordered):
        highest = max(highest, min(1.0, p[pair] * (len(ordered) - rank)))
        corrected[pair] = highest
    return corrected
