"""Tokens of Latin letters with digits, hyphens, dots or ampersands: COVID-19, 4G, iPhone15, H1N1, B.Tech, J&K.

Digits beside Latin letters are said in English, as newsreaders do: थ्री डी, जी ट्वेंटी.
"""

from __future__ import annotations

import re
from functools import cache

from ssmphony.text.hindi import english, tables
from ssmphony.text.hindi.latin import LETTER_NAMES, to_devanagari

_TOKEN = re.compile(r"[A-Za-z0-9]{1,30}(?:[-.&/][A-Za-z0-9]{1,30}){0,8}\.?")
_PIECES = re.compile(r"[A-Za-z]+|\d+(?:\.\d+)?|&")
_COUNTED = re.compile(r"\d+(?:\.\d+)?-?(st|nd|rd|th|s|[A-Za-z]+)")
_DEGREES = {"Ph": "पी एच", "Sc": "एस सी"}
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
    " eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


@cache
def _units() -> frozenset[str]:
    return frozenset(row[0] for row in tables.rows("units")) | {"st", "nd", "rd", "th", "s", "x"}


def mixed(token: str) -> tuple[str, ...] | None:
    """The Hindi words of a mixed token, or None where it is not one: plain words, numbers with units, ordinals, hosts.

    >>> mixed("COVID-19"), mixed("H1N1"), mixed("B.Tech"), mixed("5km")
    (('कोविड', 'नाइनटीन'), ('एच', 'वन', 'एन', 'वन'), ('बी', 'टेक'), None)
    """
    if not _TOKEN.fullmatch(token) or token.isalpha() or not re.search("[A-Za-z]", token):
        return None
    counted = _COUNTED.fullmatch(token)
    if counted and counted[1].lower() in _units() and not (len(counted[1]) == 1 and counted[1].isupper()):
        return None
    letters = re.sub(r"[-.]", "", token)
    if "." in re.sub(r"\d\.\d", "", token):
        return _dotted(token, letters)
    if letters.isalpha() and letters.lower() in english.words():
        return tuple(english.words()[letters.lower()].split())  # e-mail, Wi-Fi
    spoken: list[str] = []
    for piece in _PIECES.findall(token):
        initials = "&" in token and piece.isupper() and len(piece) < 3  # AT&T
        spoken.extend(tuple(LETTER_NAMES[letter] for letter in piece.lower()) if initials else _piece(piece))
    return tuple(spoken)


def _dotted(token: str, letters: str) -> tuple[str, ...] | None:
    """Degrees and initials (Ph.D., U.S.A.); a host name or the end of a sentence is none."""
    parts = [part for part in token.split(".") if part]
    if not letters.isalpha() or len(parts) < 2 or min(map(len, parts)) > 1 or max(map(len, parts)) > 5:
        return None
    spoken: list[str] = []
    for part in parts:
        spoken.extend(_DEGREES[part].split() if part in _DEGREES else _piece(part))
    return tuple(spoken)


def _piece(piece: str) -> tuple[str, ...]:
    if piece == "&":
        return (english.words()["and"],)
    if piece[0].isdigit():
        return tuple(english.words()[word] for word in _number(piece))
    return (LETTER_NAMES[piece.lower()],) if len(piece) == 1 else to_devanagari(piece)


def _number(digits: str) -> list[str]:
    """English words of a number as a name carries it: 19 nineteen, 320 three twenty, 1080 ten eighty, 12345 by digits.

    A decimal fraction is read digit by digit behind "point".
    """
    whole, _, fraction = digits.partition(".")
    point = ["point", *(_ONES[int(digit)] for digit in fraction)] if fraction else []
    if len(whole) > 4 or whole[0] == "0" or (len(whole) > 2 and whole[-2] == "0" and whole[-1] != "0"):
        return [_ONES[int(digit)] for digit in whole] + point
    if len(whole) == 4 and whole.endswith("000"):
        return [*_below_hundred(int(whole[0])), "thousand", *point]
    if len(whole) > 2 and whole.endswith("00"):
        return [*_below_hundred(int(whole[:-2])), "hundred", *point]
    return (_below_hundred(int(whole[:-2])) if len(whole) > 2 else []) + _below_hundred(int(whole[-2:])) + point


def _below_hundred(number: int) -> list[str]:
    if number < len(_ONES):
        return [_ONES[number]]
    tens = _TENS[number // 10 - 2]
    return [tens, _ONES[number % 10]] if number % 10 else [tens]
