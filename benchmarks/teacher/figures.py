"""From the rows of clips to figures with standard errors: each is a function of sums over clips, drawn again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ssmphony.arrays import Doubles
from ssmphony.evaluation import contrasts, robustness

Row = dict[str, Any]
DRAWS = 1000


def conclude(
    pairs: Sequence[tuple[Row, Row]], others: Mapping[str, Sequence[Sequence[float]]] | None = None
) -> dict[str, Row]:
    """Figures by speaker, and of all speakers together under ``all``.

    pairs: the teacher's row and the student's of each clip. others: embeddings of clips of other speakers, by name.
    """
    if not pairs:
        return {}
    told = _told_apart(pairs, others or {})
    groups: dict[str, list[int]] = {}
    for place, (teacher, _) in enumerate(pairs):
        groups.setdefault(teacher["speaker"], []).append(place)
    groups["all"] = list(range(len(pairs)))
    return {name: _figures([pairs[k] for k in places], [told[k] for k in places]) for name, places in groups.items()}


def estimate(rows: Sequence[Sequence[float]], figure: Callable[[Doubles], Doubles]) -> Row | None:
    """A figure of the sums of columns over rows, with the standard error of a bootstrap over rows; None of no rows.

    ``figure`` takes (column, …) sums. Rows that hold a NaN are left out.
    """
    table = np.array(rows, np.float64)
    table = table[np.isfinite(table).all(axis=1)] if len(table) else table
    if not len(table):
        return None
    picks = np.random.default_rng(0).integers(len(table), size=(DRAWS, len(table)))
    drawn = figure(table[picks].sum(axis=1).T)
    return {"value": float(figure(table.sum(axis=0))), "error": float(np.std(drawn)), "clips": len(table)}


def mean(values: Sequence[float | None]) -> Row | None:
    rows = [(np.nan if value is None else value, 1.0) for value in values]
    return estimate(rows, lambda sums: sums[0] / sums[1])


def share(parts: Sequence[tuple[float, float]]) -> Row | None:
    """The sum of the first numbers relative to that of the second."""
    return estimate(parts, lambda sums: sums[0] / np.maximum(sums[1], 1e-12))


def _figures(pairs: Sequence[tuple[Row, Row]], told: Sequence[Row]) -> Row:
    teacher = [first["teacher"] for first, _ in pairs]
    students = [second for _, second in pairs]
    systems = {"teacher": teacher, "free": [row["free"] for row in students]}
    if all("prosody" in row for row in students):
        systems["prosody"] = [row["prosody"] for row in students]
    found: Row = {"clips": len(pairs)}
    for name, rows in systems.items():
        heard = {
            "distillmos": mean([row.get("distillmos") for row in rows]),
            "distillmos_loss": mean([_loss(a, b) for a, b in zip(teacher, rows, strict=True)]),
            "faults_per_1000": share([(1e3 * row["faults"], row["words"]) for row in rows if "faults" in row]),
            "level_db": mean([row["level_db"] for row in rows]),
            "clipped": sum(row["clipped"] > 0 for row in rows),
        }
        for kind in ("phones", "characters"):
            both = [(*a[kind], *b[kind]) for a, b in zip(rows, teacher, strict=True)]
            heard[kind] = share([row[kind] for row in rows])
            heard[f"{kind}_ratio"] = estimate(both, lambda s: s[0] / s[1] / np.maximum(s[2] / s[3], 1e-12))
        found[name] = heard
    found["log_f0_rmse"] = mean([row["log_f0_rmse"] for row in students])
    found["voicing"] = mean([row["voicing"] for row in students])
    found["duration_ms"] = share([(1e3 * row["duration_error_s"], row["durations"]) for row in students])
    found["pace"] = share([(row["own_s"], row["wanted_s"]) for row in students])
    if told and "own" in told[0]:
        found |= {name: mean([row[name] for row in told]) for name in ("own", "nearest", "teacher_own")}
    return found


def _loss(teacher: Row, student: Row) -> float | None:
    return (
        teacher["distillmos"] - student["distillmos"] if "distillmos" in teacher and "distillmos" in student else None
    )


def _told_apart(pairs: Sequence[tuple[Row, Row]], others: Mapping[str, Sequence[Sequence[float]]]) -> list[Row]:
    """Of each clip: ``own``, the cosine of the student's embedding and the mean of its speaker's other clips by the
    teacher; ``teacher_own``, that of the teacher's own clip; ``nearest``, 1 where no other speaker is nearer."""
    if any("embedding" not in teacher["teacher"] for teacher, _ in pairs):
        return [{} for _ in pairs]
    sums: dict[str, Doubles] = {name: np.sum(_units(rows), axis=0) for name, rows in others.items() if len(rows)}
    for teacher, _ in pairs:
        known = sums.setdefault(teacher["speaker"], np.zeros(len(teacher["teacher"]["embedding"])))
        sums[teacher["speaker"]] = known + _units([teacher["teacher"]["embedding"]])[0]
    rows: list[Row] = []
    for teacher, student in pairs:
        speaker = teacher["speaker"]
        said, copy = _units([teacher["teacher"]["embedding"], student["free"]["embedding"]])
        means = {**sums, speaker: sums[speaker] - said}  # without this very sentence
        near = {name: float(copy @ value / max(np.linalg.norm(value), 1e-9)) for name, value in means.items()}
        rows.append(
            {
                "own": near[speaker],
                "nearest": float(near[speaker] == max(near.values())),
                "teacher_own": float(said @ means[speaker] / max(np.linalg.norm(means[speaker]), 1e-9)),
            }
        )
    return rows


def _units(rows: Sequence[Sequence[float]]) -> Doubles:
    values = np.array(rows, np.float64)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def compare_contrasts(teacher: Sequence[Row], student: Sequence[Row]) -> dict[str, Row]:
    """Contrast → pairs, and how many are confused in the teacher's speech and in the student's, and which."""
    first, second = contrasts.summary(teacher), contrasts.summary(student)
    return {
        name: {
            "pairs": row["pairs"],
            "teacher": row["confused"],
            "student": second[name]["confused"],
            "teacher_which": row["which"],
            "student_which": second[name]["which"],
        }
        for name, row in first.items()
    }


def broken(rows: Sequence[Row]) -> Row:
    """`ssmphony.evaluation.robustness.summary`, without the list of the worst."""
    found = robustness.summary(rows)
    return {key: value for key, value in found.items() if key != "worst"} | {
        "named": [{key: row[key] for key in ("id", "speaker", "text", "defects")} for row in rows if row["defects"]]
    }
