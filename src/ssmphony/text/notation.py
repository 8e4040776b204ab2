"""Phones in IPA and in an ASCII notation: the table ``notation.tsv``, applied in both directions.

The ASCII notation is X-SAMPA with the simpler letter where Hindi has no contrast (r, v, h; _h for every breath). No
phone is written as the beginning of another plus a third, so that spaces between phones may be left out.
"""

from __future__ import annotations

import os
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache


class NotationError(ValueError):
    """Text that is no row of phones; ``symbol`` is the first character that cannot be read, at ``place``."""

    def __init__(self, symbol: str, place: int = 0) -> None:
        super().__init__(f"'{symbol}' is not a phone of the inventory" if symbol else "no phone is given")
        self.symbol, self.place = symbol, place


@lru_cache(maxsize=1)
def table() -> tuple[tuple[str, str, str, tuple[str, ...]], ...]:
    """(phone, ASCII, Devanagari, other spellings that are read) of every phone."""
    with open(os.path.join(os.path.dirname(__file__), "notation.tsv"), encoding="utf-8") as file:
        text = file.read()
    rows = [(*line.split("\t"), "")[:4] for line in text.splitlines() if not line.startswith("# ")]
    return tuple((phone, ascii_, letter, tuple(others.split())) for phone, ascii_, letter, others in rows)


_IGNORED = r"[\sˈˌ.\"%/]*"
"""Spaces, stress, syllable marks and the slashes around a transcription."""
_LEADING = re.compile(_IGNORED)
_TIES = dict.fromkeys(map(ord, "\u0361\u035c"))


@lru_cache(maxsize=1)
def _reader() -> tuple[dict[str, str], re.Pattern[str]]:
    """Phone by spelling, and the expression that finds the longest spelling."""
    phones = {spelling: phone for phone, written, _, others in table() for spelling in (phone, written, *others)}
    spellings = "|".join(re.escape(spelling) for spelling in sorted(phones, key=len, reverse=True))
    return phones, re.compile(f"({spellings}){_IGNORED}")


@lru_cache(maxsize=1)
def _ascii() -> dict[str, str]:
    return {phone: written for phone, written, _, _ in table()}


def parse(text: str) -> tuple[str, ...]:
    """The phones of ``text`` in IPA or the ASCII notation, with spaces between the phones or without.

    Stress and syllable marks are passed over. Raises `NotationError` at anything else, and when there is no phone.

    >>> parse("nə.məsˈt̪eː") == parse("n @ m @ s t_d e:")
    True
    """
    plain = _plain(text)
    by_spelling, token = _reader()
    phones: list[str] = []
    leading = _LEADING.match(plain)
    place = leading.end() if leading else 0
    while match := token.match(plain, place):
        phones.append(by_spelling[match[1]])
        place = match.end()
    if place < len(plain) or not phones:
        raise NotationError(plain[place : place + 1], _origin(text, place))
    return tuple(phones)


def _plain(text: str) -> str:
    """``text`` as it is read: composed, without ties, and nasality before length."""
    plain = unicodedata.normalize("NFD", text).translate(_TIES)
    return unicodedata.normalize("NFC", plain.replace("ː\u0303", "\u0303ː").replace(":~", "~:"))


def _origin(text: str, place: int) -> int:
    """The character of ``text`` that stands at ``place`` when it is plain."""
    return bisect_right(range(1, len(text)), place, key=lambda end: len(_plain(text[:end])))


def to_ascii(phones: Iterable[str]) -> str:
    """Phones in the ASCII notation, separated by spaces; raises `KeyError` on a symbol that is no phone.

    >>> to_ascii(["ɡʱ", "ə", "ɾ"])
    'g_h @ r'
    """
    return " ".join(_ascii()[phone] for phone in phones)


def to_ipa(phones: Iterable[str]) -> str:
    """Phones in IPA, without separators: the inventory's symbols are IPA, and `parse` reads them back."""
    return "".join(phones)
