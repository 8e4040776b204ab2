"""Hindi text for speech, on the standard library alone: usable without the rest of the package.

>>> from ssmphony.text import hindi
>>> hindi.normalize("डॉ. शर्मा 8:45 बजे आए।")
'डॉक्टर शर्मा पौने नौ बजे आए।'
>>> hindi.phonemize("नमस्ते")
['n', 'ə', 'm', 'ə', 's', 't̪', 'eː']

Policy: letters of other Indic scripts are read as their Devanagari partners; emoji and the letters of other scripts
(Arabic, Cyrillic, Han, …) have no sound. Nothing raises on any string.
"""

from __future__ import annotations

from collections.abc import Iterable

from ssmphony.text.hindi.speech import SpokenSentence, SpokenWord, speak

__all__ = ["SpokenSentence", "SpokenWord", "normalize", "phonemize", "speak", "words"]

_MARKS = {".": "।", "…": "।", "?": "?", "!": "!"}


def normalize(text: str | Iterable[str]) -> str:
    """``text`` as it is spoken: Devanagari words, and ``, । ? !`` where the voice pauses. Idempotent."""
    written = ""
    for sentence in speak(text):
        if not sentence.words:
            continue
        last = len(sentence.words) - 1
        for place, word in enumerate(sentence.words):
            written += " ".join(word.spoken) + ("," if word.pause and place < last else "") + " " * (place < last)
        written += _MARKS.get(sentence.source.mark, "")
        written += "\n" if sentence.source.line_end else " "
    return written.rstrip()


def words(text: str | Iterable[str]) -> list[SpokenWord]:
    """Every spoken word of ``text`` with its phones and its character offsets."""
    return [word for sentence in speak(text) for word in sentence.words]


def phonemize(text: str | Iterable[str]) -> list[str]:
    """The phones of ``text`` in one list, without pauses."""
    return [phone for word in words(text) for phone in word.phones]
