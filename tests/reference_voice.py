"""The tiny autoregressive voice, speaking like a reference: its recurrence begins with the mean of the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ssmphony.types import Reference, ReferenceInput, Style, Tokens
from ssmphony.voice import Voice
from tests import ar_voice

CLIP = np.linspace(-0.2, 0.6, 900, dtype=np.float32)
REFERENCE = Reference({"samples": CLIP[:, None]})


class Imitating(ar_voice.TinyAutoregressive):
    capabilities = frozenset({"pitch", "reference", "speed"})
    reference_inputs = (ReferenceInput("samples", 1, 16_000),)

    def _begin(self, tokens: Tokens, style: Style) -> ar_voice.State:
        state = super()._begin(tokens, style)
        level = 0.0 if style.reference is None else style.reference.arrays["samples"].mean()
        return state._replace(hidden=state.hidden + np.float32(level))


def make_voice() -> Voice:
    voice = ar_voice.make_voice()
    return replace(voice, model=Imitating(), card=voice.card.with_name("imitating"))
