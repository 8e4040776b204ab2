"""How many sentences of a voice may share a step: as many as fit the budget, if their samples stay the same.

Whether they do depends on the voice's graphs and on the processor: matrix libraries compute one row with another
kernel than several, whose last bits differ. So it is measured, once, when the engine starts.
"""

from __future__ import annotations

import numpy as np

from ssmphony.speech import Speech
from ssmphony.types import Samples, Style, Tokens
from ssmphony.voice import Voice

LENGTHS = (5, 8)
"""Tokens of the sentences that are tried."""
STEPS = 4


def rows_of(voice: Voice, frames: int) -> int:
    """``frames`` is the budget of a step. 1 if sharing a step would change a single bit."""
    begun = [voice.begin(_sentence(voice, length), Style()) for length in LENGTHS]
    block, _ = voice.model.step(begun[0].model)
    rows = max(1, frames // block.tokens.shape[1])
    alone = [_speak(voice, [speech])[0] for speech in begun]
    for size in {2, rows} if rows > 1 else ():
        together = _speak(voice, [begun[i % len(begun)] for i in range(size)])
        if any(not np.array_equal(row, alone[i % len(begun)]) for i, row in enumerate(together)):
            return 1
    return rows


def _sentence(voice: Voice, length: int) -> Tokens:
    """Any tokens will do."""
    symbols = voice.frontend.symbols
    ids = tuple(1 + 3 * i % (len(symbols) - 1) for i in range(length))
    return Tokens(ids, tuple(symbols[number] for number in ids))


def _speak(voice: Voice, batch: list[Speech]) -> list[Samples]:
    """The samples of the first steps of each row."""
    spoken: list[list[Samples]] = [[] for _ in batch]
    for _ in range(STEPS):
        made = voice.step(batch)
        batch = [speech for _, speech in made]
        for row, (chunk, _) in zip(spoken, made, strict=True):
            row.append(chunk.samples)
    return [np.concatenate(row) for row in spoken]
