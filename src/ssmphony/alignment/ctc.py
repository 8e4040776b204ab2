"""Connectionist temporal classification: loss, greedy reading, forced alignment, and what a reading got wrong.

Graves et al., *Connectionist temporal classification* (ICML 2006). Class 0 is the blank everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from ssmphony.arrays import Reals


def ctc_loss(scores: Tensor, lengths: Tensor, targets: Sequence[Tensor]) -> Tensor:
    """Mean over the batch of ``-log p(target) / labels``; rows too short for their labels count as zero.

    scores (batch, step, class) log-probabilities, lengths (batch,) steps; targets: the classes of each row.
    """
    counts = torch.tensor([len(row) for row in targets])
    return F.ctc_loss(
        scores.transpose(0, 1), torch.cat(list(targets)), lengths, counts, reduction="mean", zero_infinity=True
    )


def log_likelihoods(scores: Reals, targets: Sequence[Sequence[int]]) -> npt.NDArray[np.float64]:
    """``log p(target)`` of one clip for each of many targets: (targets,), -inf where a target is too long.

    scores (step, class) log-probabilities.
    """
    counts = torch.tensor([len(target) for target in targets])
    rows = torch.from_numpy(np.asarray(scores, np.float64))[:, None].expand(-1, len(targets), -1)
    flat = torch.tensor([number for target in targets for number in target])
    lengths = torch.full((len(targets),), len(scores))
    return -F.ctc_loss(rows, flat, lengths, counts, reduction="none").numpy()


def greedy(scores: Reals) -> list[int]:
    """The likeliest class of each step, repetitions and blanks dropped: (step, class) → classes."""
    best = scores.argmax(axis=1)
    kept = np.flatnonzero((best != 0) & (best != np.concatenate([[-1], best[:-1]])))
    return best[kept].tolist()


def force(scores: Reals, target: Sequence[int]) -> list[tuple[int, int]]:
    """The steps that speak each class of ``target`` on the likeliest path: (first, stop) each, in order.

    scores (step, class) log-probabilities. Raises ValueError when there are too few steps for the path.
    """
    states = np.zeros(2 * len(target) + 1, np.int64)  # blank, class, blank, class, …, blank
    states[1::2] = target
    skippable = np.zeros(len(states), bool)
    skippable[3::2] = states[3::2] != states[1:-2:2]
    best = np.full(len(states), -np.inf)
    best[:2] = scores[0, states[:2]]
    came = np.zeros((len(scores), len(states)), np.int64)
    for step in range(1, len(scores)):
        moved = np.concatenate([[-np.inf], best[:-1]])
        skipped = np.where(skippable, np.concatenate([[-np.inf, -np.inf], best[:-2]])[: len(best)], -np.inf)
        options = np.stack([best, moved, skipped])
        came[step] = options.argmax(axis=0)
        best = options.max(axis=0) + scores[step, states]
    state = len(states) - 1 if len(states) == 1 or best[-1] >= best[-2] else len(states) - 2
    if not np.isfinite(best[state]):
        raise ValueError(f"{len(scores)} steps are too few for {len(target)} classes")
    path = np.zeros(len(scores), np.int64)
    for step in range(len(scores) - 1, -1, -1):
        path[step] = state
        state -= came[step, state]
    return [
        (int(steps[0]), int(steps[-1]) + 1) for steps in (np.flatnonzero(path == 2 * k + 1) for k in range(len(target)))
    ]


class Edits(NamedTuple):
    """The fewest edits that make a reference into a reading."""

    substituted: int
    deleted: int
    inserted: int
    pairs: tuple[tuple[int, int], ...]
    """For each edit or match: index into the reading and into the reference, -1 where one side has nothing."""

    @property
    def total(self) -> int:
        return self.substituted + self.deleted + self.inserted


def edits(reading: Sequence[object], reference: Sequence[object]) -> Edits:
    """Levenshtein distance with its path, substitutions preferred to a deletion next to an insertion."""
    rows, columns = len(reading) + 1, len(reference) + 1
    cost = [[max(i, j) if 0 in (i, j) else 0 for j in range(columns)] for i in range(rows)]
    for i in range(1, rows):
        for j in range(1, columns):
            same = cost[i - 1][j - 1] + (reading[i - 1] != reference[j - 1])
            cost[i][j] = min(same, cost[i - 1][j] + 1, cost[i][j - 1] + 1)
    pairs: list[tuple[int, int]] = []
    i, j = rows - 1, columns - 1
    while i or j:
        if i and j and cost[i][j] == cost[i - 1][j - 1] + (reading[i - 1] != reference[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
            pairs.append((i, -1))
        else:
            j -= 1
            pairs.append((-1, j))
    both = [(a, b) for a, b in pairs if a >= 0 and b >= 0]
    wrong = sum(reading[a] != reference[b] for a, b in both)
    inserted = sum(b < 0 for _, b in pairs)
    return Edits(wrong, len(pairs) - len(both) - inserted, inserted, tuple(reversed(pairs)))
