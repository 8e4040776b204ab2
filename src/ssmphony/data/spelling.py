"""Prepared clips for models that read the writing: phonemes are replaced by the bytes of the text."""

from __future__ import annotations

from dataclasses import replace

from ssmphony.data.manifest import Clip
from ssmphony.text.utf8 import tokenise


def spelled(clip: Clip) -> Clip:
    """The clip with the tokens of the byte frontend, its text as one sentence.

    Anchors become those of whole words. They are left out where text and clip do not have the same number of words, as
    with numerals that are spoken as several.
    """
    tokens = tokenise(clip.text)
    words = tuple((word.first, word.stop) for word in tokens.words)
    times = [_time(clip, first, stop) for first, stop in clip.words]
    anchors: tuple[tuple[int, int, float, float], ...] = ()
    if len(times) == len(words):
        pairs = zip(words, times, strict=True)
        anchors = tuple((first, stop, *time) for (first, stop), time in pairs if time is not None)
    return replace(clip, symbols=tokens.symbols, words=words, anchors=anchors)


def _time(clip: Clip, first: int, stop: int) -> tuple[float, float] | None:
    """From the start of the first anchor inside a word to the end of the last, in s."""
    inside = [(start, end) for a, b, start, end in clip.anchors if first <= a and b <= stop]
    return (inside[0][0], inside[-1][1]) if inside else None
