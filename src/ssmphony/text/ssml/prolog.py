"""Where a document of markup begins: what may stand before its root element, and whether a text is one at all."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import chain

MAX_CHARACTERS = 16_384
"""Of all that stands before the root; a text whose first characters only look like a prolog is not held back longer."""
_NAME = r"[^\W\d][\w.\-]{0,63}"
_BLANKS = re.compile(r"[\s\ufeff\u200b-\u200f\u2060]*")
"""White space, and the invisible characters that editors and web pages leave at the beginning of a text."""
_ROOT = re.compile(rf"<(?:{_NAME}:)?speak(?=[ \t\r\n/>])")
_DOCTYPE = re.compile(rf"<!DOCTYPE[ \t\r\n]+(?:{_NAME}:)?speak(?=[ \t\r\n>\[])", re.IGNORECASE)
"""A document type of speech: whatever follows it, it is no text to be read aloud."""
_COMMENT = r"<!--(?:(?!-->).)*-->"
_INSTRUCTION = r"<\?(?:(?!\?>).)*\?>"
_QUOTED = r"\"[^\"]*\"|'[^']*'"
_DECLARATION = (
    r"<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)(?=[ \t\r\n])"
    rf"(?:[^\[\"'>]|{_QUOTED})*"
    rf"(?:\[(?:[^\]\"'<]|{_QUOTED}|{_COMMENT}|{_INSTRUCTION}|<(?!!--|\?))*\][ \t\r\n]*)?>"
)
_ITEM = re.compile(f"{_COMMENT}|{_INSTRUCTION}|{_DECLARATION}", re.DOTALL | re.IGNORECASE)
_OPENING = re.compile(r"<!--|<\?|<!(?:DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)[ \t\r\n]", re.IGNORECASE)
_CUT_OFF = re.compile(rf"<(?:!-?|![A-Z]{{1,8}}|{_NAME}(?::(?:{_NAME})?)?)?", re.IGNORECASE)
"""A text that ends here may still become an item, or the root."""


def recognise(text: str) -> bool | None:
    """Whether a text, of which this is the beginning, is a document: True or False, None where that needs more of it.

    A document is ``<speak`` or ``<prefix:speak``, after nothing but a declaration of XML, comments, processing
    instructions and document types. Any other text is text, also where it begins with ``<``.

    >>> recognise('<?xml version="1.0"?><speak>'), recognise("<!-- a --> नमस्ते"), recognise("<!-- a"), recognise("3 < 5")
    (True, False, None, False)
    """
    place = begin = _after_blanks(text, 0)
    while place - begin <= MAX_CHARACTERS:
        if place == len(text):
            return None
        if _ROOT.match(text, place) or _DOCTYPE.match(text, place):
            return True
        item = _ITEM.match(text, place)
        if item is None:
            unfinished = _OPENING.match(text, place) or _CUT_OFF.fullmatch(text, place)
            return None if unfinished and len(text) - begin <= MAX_CHARACTERS else False
        place = _after_blanks(text, item.end())
    return False


def begins_with_markup(text: str) -> bool:
    """Whether the first character that is not blank is ``<``: only then can a text be a document."""
    return text.startswith("<", _after_blanks(text, 0))


def begin_of(document: str) -> int:
    """Where the prolog begins: a declaration of XML may not stand after blanks."""
    return _after_blanks(document, 0)


def _after_blanks(text: str, place: int) -> int:
    match = _BLANKS.match(text, place)
    return match.end() if match else place


def read_head(text: str | Iterable[str]) -> tuple[bool, str | Iterable[str]]:
    """Whether a text is a document, and the text. Of an iterable only as much is read as `recognise` needs."""
    if isinstance(text, str):
        return recognise(text) is True, text
    pieces = iter(text)
    head = ""
    for piece in pieces:
        head += piece
        if recognise(head) is not None:
            break
    return recognise(head) is True, chain((head,), pieces)
