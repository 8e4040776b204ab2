"""Comparison signs: आयु >= 18, x != y, <5 साल, A > B. Hindi names what is compared with before it says how."""

from __future__ import annotations

import re

from ssmphony.text.hindi import greek, latin, tables
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

_SIGNS = {row[0]: (tuple(row[1].split()), tuple(row[2].split())) for row in tables.rows("comparisons")}
_ANY = "|".join(re.escape(sign) for sign in sorted(_SIGNS, key=len, reverse=True))
_NAME = Lazy(r"(?:[A-Za-z][A-Za-z\d]+|[\u0904-\u0939][\u0900-\u0963]*)\s?\Z")
_VARIABLE = Lazy(r"(?:(?<![A-Za-z])[A-Za-z]|[\dα-ωΑ-Ω)²³√°%])\s?\Z")
_FIGURE = Lazy(r"\s?[₹$€£¥]?\s?[-−]?\d")
_WORD = Lazy(r"\s?(?:[A-Za-z]{3,}|[A-Z][a-z]|[\u0904-\u0939])")


def _compare(match: re.Match[str], state: Context) -> Said | None:
    """The operand after the sign, then what the sign says of it. Without an operand, the sign alone by its name.

    A single > or < between two words is a path through menus, an arrow or a quotation, and pauses.
    """
    sign, before = match[0], state.text[max(0, match.start() - 20) : match.start()]
    compared, counted = _SIGNS[sign]
    if sign in "<>" and _WORD.match(state.text, match.end()):
        return ((), match.end()) if _NAME.search(before) else None
    said = state.operand(match.end())
    if said is None:
        return None
    if sign == "≈" and not _VARIABLE.search(before) and _FIGURE.match(state.text, match.end()):
        return ("लगभग",), match.end()
    alone = not before.strip() or before.rstrip()[-1:] in "(,;:।-–/|"
    return (*said[0], *(counted if alone or _NAME.search(before) else compared)), said[1]


def _between(match: re.Match[str], state: Context) -> Said | None:
    """2 < x ≤ 5: from the sign on, दो से बड़ा और पाँच से छोटा या बराबर एक्स."""
    last = state.operand(match.end())
    if last is None:
        return None
    name = match[2].lower()
    middle = (latin.LETTER_NAMES[name],) if name in latin.LETTER_NAMES else greek.NAMES.get(match[2], ())
    first = _SIGNS[match[1].translate(_TURNED)][0]
    return ((*first, "और", *last[0], *_SIGNS[match[3]][0], *middle), last[1]) if middle else None


_TURNED = str.maketrans("<>≤≥", "><≥≤")
_ORDERED = "[<>]=?|[≤≥]"
TOKENS = (
    Token("s", rf"(?:(?<=\d)|(?<=\d\s))({_ORDERED})\s?([A-Za-zα-ω])\s?({_ORDERED})(?=\s?[-−]?\d)", _between),
    Token("s", rf"(?<![-=<>])(?!</?[A-Za-z]\w{{0,20}}>)(?:{_ANY})(?![<>=]|-(?!\d))", _compare),
)
