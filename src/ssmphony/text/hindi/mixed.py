"""Tokens of Latin letters with hyphens, dots or ampersands: e-mail, Wi-Fi, B.Tech, Ph.D., U.S.A., J&K."""

from __future__ import annotations

import re

from ssmphony.text.hindi import english, numbers, roman
from ssmphony.text.hindi.latin import LETTER_NAMES, to_devanagari
from ssmphony.text.hindi.lazy import Lazy

_TOKEN = Lazy(r"[A-Za-z]{1,30}(?:[-.&/][A-Za-z]{1,30}){0,8}\.?")
_PIECES = Lazy(r"[A-Za-z]+|&")
_NUMBERED = Lazy(r"([A-Za-z]{3,12})-([IVX]{1,6})")
"""Phase-II, Class-X"""
_QUOTIENT = Lazy("[a-z]/[A-Za-z]|[A-Z]/[a-z]")
"""Two variables, of which `arithmetic` reads the stroke."""
_DEGREES = {"Ph": "पी एच", "Sc": "एस सी"}


def mixed(token: str) -> tuple[str, ...] | None:
    """The Hindi words of a token with hyphens, dots or ampersands between its letters, or None where it is not one.

    >>> mixed("J&K"), mixed("B.Tech"), mixed("gmail.com")
    (('जे', 'ऐंड', 'के'), ('बी', 'टेक'), None)
    """
    if not _TOKEN.fullmatch(token) or token.isalpha() or _QUOTIENT.fullmatch(token):
        return None
    letters = re.sub(r"[-.]", "", token)
    if "." in token:
        return _dotted(token, letters)
    if letters.lower() in english.words():
        return tuple(english.words()[letters.lower()].split())  # e-mail, Wi-Fi
    spoken: list[str] = []
    if (part := _NUMBERED.fullmatch(token)) and roman.names_part(part[1].lower()) and (count := roman.value(part[2])):
        return (*_piece(part[1]), *numbers.cardinal(count))
    for piece in _PIECES.findall(token):
        initials = "&" in token and piece.isupper() and len(piece) < 3  # AT&T
        spoken.extend(tuple(LETTER_NAMES[letter] for letter in piece.lower()) if initials else _piece(piece))
    return tuple(spoken)


def _dotted(token: str, letters: str) -> tuple[str, ...] | None:
    """Degrees and initials (Ph.D., U.S.A.); a host name or the end of a sentence is none."""
    parts = [part for part in token.split(".") if part]
    if len(parts) < 2 or min(map(len, parts)) > 1 or max(map(len, parts)) > 5:
        return None
    spoken: list[str] = []
    for part in parts:
        spoken.extend(_DEGREES[part].split() if part in _DEGREES else _piece(part))
    return tuple(spoken)


def _piece(piece: str) -> tuple[str, ...]:
    if piece == "&":
        return (english.words()["and"],)
    return (LETTER_NAMES[piece.lower()],) if len(piece) == 1 else to_devanagari(piece)
