"""The silence after a sentence, whatever the language."""

from __future__ import annotations

from ssmphony.text.sentences import Sentence

PAUSE_S = {".": 0.25, "…": 0.35, "?": 0.3, "!": 0.3, ",": 0.0, "": 0.25}
"""Silence after a closing mark; nothing after a clause of a cut sentence."""
LINE_PAUSE_S = 0.5
"""Silence after a sentence that ends a line, which in Hindi text ends a paragraph or a heading."""


def pause_after(sentence: Sentence) -> float:
    """Seconds."""
    return max(PAUSE_S[sentence.mark], LINE_PAUSE_S if sentence.line_end else 0.0)
