"""Who speaks: a speaker of a voice, or a mix of several, from the name in `Style.speaker`.

>>> speaker_weights("alpha:3,omega:1", ["alpha", "beta", "omega"]).tolist()
[0.75, 0.0, 0.25]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ssmphony.errors import suggest
from ssmphony.types import SsmphonyError

MIX_EXAMPLE = "alpha:0.7,omega:0.3"


def speaker_weights(speaker: str | None, known: Sequence[str]) -> npt.NDArray[np.float32]:
    """The weight of each known speaker, (speakers,), summing to 1.

    Args:
        speaker: A name, or names with weights: ``"alpha:0.7,omega:0.3"``. A weight left out is 1, and weights need not
            add up to 1. None is the voice's own speaker, the first.
        known: The speakers of the voice, in the order of the rows of its speaker table.

    Raises:
        SsmphonyError: For an unknown name and for a weight that is not a positive number.
    """
    weights = np.zeros(max(1, len(known)))
    if speaker is None:
        weights[0] = 1.0
        return weights.astype(np.float32)
    parts = [speaker] if speaker in known else speaker.split(",")
    for part in parts:
        name, weight = _weighted(part.strip(), known)
        if name not in known:
            choice = f"choose one of {', '.join(known)}" if known else "this voice has only its own"
            raise SsmphonyError(f"unknown speaker '{name}'{suggest(name, known)}; {choice}")
        weights[known.index(name)] += weight
    return (weights / weights.sum()).astype(np.float32)


def speaker_row(speaker: str | None, known: Sequence[str]) -> int:
    """The row of a single speaker, for a voice that cannot mix them.

    Raises:
        SsmphonyError: As `speaker_weights`, and for a mix.
    """
    (rows,) = np.nonzero(speaker_weights(speaker, known))
    if len(rows) > 1:
        raise SsmphonyError(f"this voice cannot mix speakers ('{speaker}'): choose one of {', '.join(known)}")
    return int(rows[0])


def check_speaker(speaker: str | None, known: Sequence[str], *, mixes: bool) -> None:
    """Raise what `speaker_weights`, or without ``mixes`` `speaker_row`, raises."""
    (speaker_weights if mixes else speaker_row)(speaker, known)


def _weighted(part: str, known: Sequence[str]) -> tuple[str, float]:
    """A name and its weight."""
    if part in known or ":" not in part:
        return part, 1.0
    name, _, number = part.rpartition(":")
    try:
        weight = float(number)
    except ValueError:
        weight = math.nan
    if not 0.0 < weight < math.inf:
        raise SsmphonyError(
            f"'{number.strip()}' is not a weight of the speaker '{name}': write a mix as {MIX_EXAMPLE}, each above 0"
        )
    return name.strip(), weight
