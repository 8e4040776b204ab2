"""A visarga at the end of a word: a sound (रामः), or a colon as headlines and forms type it (दिल्लीः आग लगी)."""

from __future__ import annotations

import re

from ssmphony.text.hindi.context import DEVANAGARI
from ssmphony.text.hindi.graphemes import VISARGA
from ssmphony.text.hindi.unicode import VISARGA_STEMS

_GOES_ON = rf"\s+[\"'“‘(]?(?:[A-Za-z\d]|{DEVANAGARI})"
_SANSKRIT = (
    rf"(?<!{DEVANAGARI})(?:ॐ|ओम्|{DEVANAGARI}*[क-ह](?:ं|म्)|च|इति|अपि|अस्ति|सन्ति|अस्मि|असि|आसीत्|भवति|भवन्ति|तत्र|यत्र|कुत्र)"
    rf"(?!{DEVANAGARI})|ऽ"
)
_VERB = (
    rf"(?:\s+{DEVANAGARI}+){{0,3}}?\s+{DEVANAGARI}+(?:[क-ह](?<![पमग])ति|[क-ह]न्ति|(?<![रज])न्तु|[क-ह]तः|ामि|न्ते|त्)"
    r"\s*(?:[।॥,;?!.]|\Z)"
)
"""The end of a short clause with a verb of Sanskrit (पठति, गच्छन्ति, अगच्छत्); राष्ट्रपति and अनुमति are Hindi."""
_HINDI = frozenset("है हैं था थी थे का की के को में से ने पर और नहीं यह वह कर गया हुए हुआ हुई रहे होते करते".split())
_PRONOUNS = frozenset("स क य एष अय".split())
"""Stems of one of which no Hindi word ends a heading."""
_ANOTHER = rf"\s+({DEVANAGARI}+){VISARGA}(?!{DEVANAGARI})|[^,।?!;]*?({DEVANAGARI}+){VISARGA}\s*(?:[।॥,;?!]|\Z)"
"""Another word with a visarga: the next one, or the last of the clause."""
_HINDI_TOO = frozenset("स्वयं एवं परं हं त्वं अहं".split())
_REACH = 60


def is_colon(text: str, stop: int) -> bool:
    """Whether the visarga before ``stop`` is a colon: the sentence goes on, and nothing near it is Sanskrit."""
    if text[stop - 2 : stop - 1] in ("ि", "ु"):
        return False  # हरिः, गुरुः: Hindi has few words that end so
    if (word := re.search(rf"{DEVANAGARI}+\Z", text[max(0, stop - 4) : stop - 1])) and word[0] in _PRONOUNS:
        return False
    rest = text[stop : stop + _REACH]
    if not re.match(_GOES_ON, rest):
        return False
    another = re.match(_ANOTHER, rest)
    if another and (another[1] or another[2]) not in VISARGA_STEMS:
        return False
    verb = re.match(_VERB, rest)
    if verb and _HINDI.isdisjoint(verb[0].split()):
        return False
    return all(word in _HINDI_TOO for word in re.findall(_SANSKRIT, rest))
