"""How good a generator of classes is, by a classifier of them: accuracy, inception scores, and what it hears.

The metrics of the SC09 tables (Kong et al., *DiffWave*, arXiv 2009.09761; Goel et al., arXiv 2202.09729), computed from
the classifier's probabilities of generated clips and, for two of them, of real ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ssmphony.arrays import Reals
from ssmphony.evaluation.frechet.distance import FrechetDistance, frechet_distance

_TINY = 1e-12


class GenerationScores(NamedTuple):
    """accuracy: share of clips heard as what was asked for, None where nothing was; inception, modified_inception: 1
    and up, higher is better; am: 0 and up, lower is better; frechet: on features of the classifier."""

    accuracy: float | None
    inception: float
    modified_inception: float
    am: float
    frechet: FrechetDistance | None

    def row(self) -> Mapping[str, float | None]:
        """By the names that tables use."""
        distance = None if self.frechet is None else self.frechet.distance
        return {
            "accuracy": self.accuracy,
            "FD": distance,
            "IS": self.inception,
            "mIS": self.modified_inception,
            "AM": self.am,
        }


def inception_score(probabilities: Reals) -> float:
    """``exp E KL(p(y|x) || p(y))`` of (clip, class): sure of each clip, and all classes alike (Salimans et al., arXiv
    1606.03498). At most the number of classes."""
    p = np.clip(np.asarray(probabilities, np.float64), _TINY, 1.0)
    return float(np.exp((p * (np.log(p) - np.log(p.mean(0)))).sum(1).mean()))


def modified_inception_score(probabilities: Reals) -> float:
    """``exp E_ij KL(p(y|x_i) || p(y|x_j))`` of (clip, class): it also rewards variety within a class (Gurumurthy et
    al., arXiv 1706.02071)."""
    p = np.clip(np.asarray(probabilities, np.float64), _TINY, 1.0)
    log = np.log(p)
    return float(np.exp((p * (log - log.mean(0))).sum(1).mean()))


def am_score(probabilities: Reals, real_labels: Sequence[int]) -> float:
    """``KL(p_real(y) || p(y)) + E H(p(y|x))`` of (clip, class): the classes of the data, each heard clearly (Zhou et
    al., arXiv 1703.02000)."""
    p = np.clip(np.asarray(probabilities, np.float64), _TINY, 1.0)
    real = np.clip(np.bincount(real_labels, minlength=p.shape[1]) / len(real_labels), _TINY, 1.0)
    return float((real * (np.log(real) - np.log(p.mean(0)))).sum() - (p * np.log(p)).sum(1).mean())


def scores(
    probabilities: Reals,
    features: Reals,
    real_labels: Sequence[int],
    real_features: Reals,
    asked: Sequence[int] | None = None,
) -> GenerationScores:
    """Scores of generated clips.

    Args:
        probabilities: (clip, class) of the classifier.
        features: (clip, channel) of the classifier, before its last layer.
        real_labels: Of the real clips, from 0.
        real_features: (clip, channel) of the real clips.
        asked: The class that each generated clip should be, from 0; None without condition.
    """
    accuracy = None if asked is None else float((probabilities.argmax(1) == np.asarray(asked)).mean())
    return GenerationScores(
        accuracy,
        inception_score(probabilities),
        modified_inception_score(probabilities),
        am_score(probabilities, real_labels),
        frechet_distance(list(features[:, None]), list(real_features[:, None])),
    )
