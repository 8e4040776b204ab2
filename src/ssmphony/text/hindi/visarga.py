"""A visarga at the end of a word: a sound (रामः), or a colon as headlines and forms type it (दिल्लीः आग लगी)."""

from __future__ import annotations

import re

from ssmphony.text.hindi.context import DEVANAGARI
from ssmphony.text.hindi.graphemes import VISARGA
from ssmphony.text.hindi.unicode import VISARGA_STEMS

_GOES_ON = rf"\s+[\"'“‘(]?(?:[A-Za-z\d]|{DEVANAGARI})"
_SANSKRIT = rf"(?<!{DEVANAGARI})(?:ॐ|ओम्|{DEVANAGARI}*[क-ह](?:ं|म्))(?!{DEVANAGARI})|ऽ"
_ANOTHER = rf"\s+({DEVANAGARI}+){VISARGA}(?!{DEVANAGARI})|[^,।?!;]*?({DEVANAGARI}+){VISARGA}\s*(?:[।॥,;?!]|\Z)"
"""Another word with a visarga: the next one, or the last of the clause."""
_HINDI_TOO = frozenset("स्वयं एवं परं हं त्वं अहं".split())
_REACH = 60


def is_colon(text: str, stop: int) -> bool:
    """Whether the visarga before ``stop`` is a colon: the sentence goes on, and nothing near it is Sanskrit."""
    if text[stop - 2 : stop - 1] in ("ि", "ु"):
        return False  # हरिः, गुरुः: Hindi has few words that end so
    rest = text[stop : stop + _REACH]
    if not re.match(_GOES_ON, rest):
        return False
    another = re.match(_ANOTHER, rest)
    if another and (another[1] or another[2]) not in VISARGA_STEMS:
        return False
    return all(word in _HINDI_TOO for word in re.findall(_SANSKRIT, rest))
