"""Hindi text for speech, on the standard library alone: usable without the rest of the package.

>>> from ssmphony.text import hindi
>>> hindi.normalize("डॉ. शर्मा 8:45 बजे आए।")
'डॉक्टर शर्मा पौने नौ बजे आए।'
>>> [(word.text, word.ipa) for word in hindi.phonemize("नमस्ते दुनिया")]
[('नमस्ते', 'nəməst̪eː'), ('दुनिया', 'd̪ʊnɪjaː')]

Policy: letters of other Indic scripts are read as their Devanagari partners, words in Cyrillic, Greek and Urdu
letters letter by letter; emoji and the letters of other scripts (Han, Thai, Hebrew, …) have no sound. Nothing
raises on any string.
"""

from __future__ import annotations

from collections.abc import Iterable

from ssmphony.text.hindi.context import ReadingStyle
from ssmphony.text.hindi.lexicon import Lexicon
from ssmphony.text.hindi.speech import SpokenSentence, Word, speak

__all__ = ["Lexicon", "ReadingStyle", "SpokenSentence", "Word", "normalize", "phonemize", "speak", "spell_out"]

_MARKS = {".": "।", "…": "।", "?": "?", "!": "!"}


def normalize(text: str | Iterable[str], lexicon: Lexicon | None = None, style: ReadingStyle | None = None) -> str:
    """``text`` as it is spoken: Devanagari words, and ``, । ? !`` where the voice pauses. Idempotent."""
    return spell_out(speak(text, lexicon, style))


def phonemize(
    text: str | Iterable[str], lexicon: Lexicon | None = None, style: ReadingStyle | None = None
) -> list[Word]:
    """Every spoken word of ``text`` with its phones and its character offsets.

    >>> word, = phonemize("₹5")
    >>> word.spoken, word.start, word.end
    (('पाँच', 'रुपये'), 0, 2)
    """
    return [word for sentence in speak(text, lexicon, style) for word in sentence.words]


def spell_out(sentences: Iterable[SpokenSentence]) -> str:
    """The normalised text of sentences that `speak` returned."""
    parts: list[str] = []
    for sentence in sentences:
        if not sentence.words:
            continue
        words = [" ".join(word.spoken) + ("," if word.pause else "") for word in sentence.words]
        parts.append(" ".join(words).removesuffix(","))
        parts.append(_MARKS.get(sentence.source.mark, ""))
        parts.append("\n" if sentence.source.line_end else " ")
    return "".join(parts).rstrip()
