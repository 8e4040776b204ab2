"""Phones inside the text, ``[[n ə m ə s t̪ eː]]``: what they say, and sentences that are not cut inside them.

Between the brackets stand phones in IPA or in the ASCII notation. Anything else there is ordinary text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ssmphony.text import notation, sentences
from ssmphony.text.hindi.lexicon import Found, Pronunciation
from ssmphony.text.hindi.spelling import spell_phones

_LIMIT = 300
_BLOCK = 8192
_INLINE = re.compile(rf"\[\[([^\[\]\n]{{1,{_LIMIT}}})\]\]")
_UNFINISHED = re.compile(rf"\[(?:\[[^\[\]\n]{{0,{_LIMIT}}}\]?)?\Z")
_MASK = "अ"


def find(text: str) -> Iterator[Found]:
    """Every ``[[…]]`` of ``text`` that holds phones and nothing else.

    >>> [(found.start, found.end, found.said.phones) for found in find("यह [[g_h @ r]] है")]
    [(3, 14, ('ɡʱ', 'ə', 'ɾ'))]
    """
    for match in _INLINE.finditer(text):
        if phones := _phones(match):
            yield Found(match.start(), match.end(), Pronunciation((spell_phones(phones),), phones))


def _phones(match: re.Match[str]) -> tuple[str, ...]:
    try:
        return notation.parse(match[1])
    except notation.NotationError:
        return ()


def cut(text: str | Iterable[str], abbreviations: sentences.Abbreviations) -> Iterator[sentences.Sentence]:
    """`sentences.cut`, for which each ``[[…]]`` is one long word: syllable dots and spaces in it end nothing."""
    if isinstance(text, str) and "[[" not in text:
        yield from sentences.cut(text, abbreviations)
        return
    written, offset = "", 0

    def masked() -> Iterator[str]:
        nonlocal written
        for plain in _whole(text):
            written += plain
            yield _INLINE.sub(lambda match: _MASK * len(match[0]) if _phones(match) else match[0], plain)

    for sentence in sentences.cut(masked(), abbreviations):
        start, end = sentence.start - offset, sentence.end - offset
        yield replace(sentence, text=written[start:end])
        written, offset = written[end:], sentence.end


def _whole(text: str | Iterable[str]) -> Iterator[str]:
    """The text in pieces that end inside no ``[[…]]``."""
    held = ""
    for piece in (text,) if isinstance(text, str) else text:
        for start in range(0, len(piece), _BLOCK):
            held += piece[start : start + _BLOCK]
            unfinished = _UNFINISHED.search(held)
            stop = unfinished.start() if unfinished else len(held)
            yield held[:stop]
            held = held[stop:]
    yield held
