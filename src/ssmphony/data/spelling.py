"""Prepared clips for models that read the writing: phonemes are replaced by the bytes of the text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ssmphony.data.manifest import Clip
from ssmphony.text.utf8 import tokenise


def spelled(clip: Clip) -> Clip:
    """The clip with the tokens of the byte frontend, its text as one sentence; as it is where it has them.

    Anchors keep their share of a word: letters follow the phones. They are left out where text and clip do not have the
    same number of words, as with numerals that are spoken as several.
    """
    tokens = tokenise(clip.text)
    if clip.symbols == tokens.symbols:  # prepared with this frontend
        return clip
    words = tuple((word.first, word.stop) for word in tokens.words)
    pairs = zip(words, clip.words, strict=True) if len(words) == len(clip.words) else ()
    anchors = tuple(anchor for word, phones in pairs for anchor in _respelled(clip, word, phones))
    return replace(clip, symbols=tokens.symbols, words=words, anchors=anchors)


def _respelled(clip: Clip, word: tuple[int, int], phones: tuple[int, int]) -> Iterator[tuple[int, int, float, float]]:
    """The anchors of a word whose phones and bytes are those given; phones without a byte of their own have none."""
    scale = (word[1] - word[0]) / (phones[1] - phones[0])
    for first, stop, start, end in clip.anchors:
        if phones[0] <= first and stop <= phones[1]:
            begin, after = (word[0] + round((place - phones[0]) * scale) for place in (first, stop))
            if begin < after:
                yield begin, after, start, end
