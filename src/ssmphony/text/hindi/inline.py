"""Phones inside the text, ``[[n ə m ə s t̪ eː]]``: what they say, and sentences that are not cut inside them.

Between the brackets stand phones in IPA or in the ASCII notation. Phones of other languages are spoken as the nearest
of Hindi, with a warning in the log. Anything else there is ordinary text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from ssmphony.text import notation, sentences
from ssmphony.text.hindi import tables
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.lexicon import Found, Pronunciation
from ssmphony.text.hindi.spelling import spell_phones

_LIMIT = 300
_BLOCK = 8192
_INLINE = re.compile(rf"\[\[([^\[\]\n]{{1,{_LIMIT}}})\]\]")
_UNFINISHED = Lazy(rf"\[(?:\[[^\[\]\n]{{0,{_LIMIT}}}\]?)?\Z")
_MASK = "अ"
_IPA = Lazy(r"[\u0250-\u02ff\u0300-\u036fæçðøħŋœβθχ]")
"""A letter that only transcriptions have."""
_DEVANAGARI = Lazy(r"[\u0900-\u097f]")


def find(text: str) -> Iterator[Found]:
    """Every ``[[…]]`` of ``text`` that holds phones and nothing else.

    >>> [(found.start, found.end, found.said.phones) for found in find("यह [[g_h @ r]] है")]
    [(3, 14, ('ɡʱ', 'ə', 'ɾ'))]
    """
    for match in _INLINE.finditer(text):
        if phones := _phones(match, report=True):
            yield Found(match.start(), match.end(), Pronunciation((spell_phones(phones),), phones))


def _phones(match: re.Match[str], report: bool = False) -> tuple[str, ...]:
    """The phones in brackets; those that Hindi lacks are replaced by the nearest, and ``report`` names them."""
    try:
        return notation.parse(match[1])
    except notation.NotationError as error:
        phones = _nearest(match[1]) if _IPA.search(match[1]) and not _DEVANAGARI.search(match[1]) else ()
        if phones and report:
            import logging  # a tenth of the import of the frontend

            log = logging.getLogger(__name__)
            log.warning("'%s' in '%.40s' is no phone of Hindi: the nearest one is spoken", error.symbol, match[0])
        return phones


def _nearest(written: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFC", written).replace("l̩", "əl").replace("n̩", "ən").replace("m̩", "əm")
    spelled = "|".join(re.escape(phone) for phone in sorted(_foreign(), key=len, reverse=True))
    plain = re.sub(spelled, lambda match: _foreign()[match[0]], plain)
    try:
        return notation.parse(plain)
    except notation.NotationError:
        return ()


@lru_cache(maxsize=1)
def _foreign() -> dict[str, str]:
    return {row[0]: "".join(row[1:]).replace(" ", "") for row in tables.rows("foreign_phones")}


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
