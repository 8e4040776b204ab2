"""Where in a recording its phones are, by the log-probabilities of a recogniser."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmphony.alignment.ctc import force
from ssmphony.arrays import Doubles, Reals

LATE_S = 0.016
"""The shipped recogniser marks phones this much after their middle: the median over 835 phones of speech with known
times (docs/log.md#times-of-phones)."""


def phone_middles(scores: Reals, classes: Sequence[int], step_s: float) -> Doubles:
    """When the middle of each phone is spoken, in s: (phone,), in order.

    A recogniser that learned by connectionist temporal classification names a phone for a step or two, and is silent
    until the next: it says where phones are, not where they begin and end.

    scores (step, class): log-probabilities; classes: those of the phones, as spoken. Raises ValueError when there are
    too few steps for them.
    """
    if not classes:
        return np.zeros(0)
    spans = np.array(force(scores, classes), dtype=np.float64)
    return np.maximum(spans.mean(axis=1) * step_s - LATE_S, 0.0)
