"""The keys * and # of a telephone: service codes (*123#, **21*98765#) and prompts ("* दबाएँ")."""

from __future__ import annotations

import re

from ssmphony.text.hindi import numbers, tables
from ssmphony.text.hindi.context import Context, Said, Token

NAMES = {"*": "स्टार", "#": "हैश"}
_PRESS = tuple(row[0] for row in tables.rows("key_words"))


def _code(match: re.Match[str], state: Context) -> Said:
    """Every key by its name."""
    return tuple(word for key in match[0] for word in (numbers.digits(key) or (NAMES[key],))), match.end()


def _prompt(match: re.Match[str], state: Context) -> Said | None:
    """A key, with the digits after it, where one of the next words tells to press it."""
    after = re.split(r"[\s\"'”’,।?!()]+", state.text[match.end() : match.end() + 40].lstrip("\"'”’)] "))[:4]
    if not any(word.lower().startswith(_PRESS) for word in after):
        return None
    return _code(match, state)


TOKENS = (
    Token("s", r"[*#]{1,4}\d{1,20}(?:[*#]{1,3}\d{1,20}){0,6}[*#]{0,3}#(?:\*#\*)?(?![A-Za-z\d*#])", _code),
    Token("s", r"(?<![*#A-Za-z\d])[*#]\d{0,4}(?![*#A-Za-z\d])", _prompt),
)
