"""Greek letters as symbols: α, Δt, ω-3. A word in Greek is of another script and silent."""

from __future__ import annotations

import re

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.context import Context, Said, Token

_NAMES = {letter: row[1] for row in tables.rows("greek") for letter in row[0]}
LETTERS = "".join(sorted(_NAMES))
_LONGEST = 3
"""The most letters of a product of variables (αβ); longer runs are words."""


def _letters(match: re.Match[str], state: Context) -> Said | None:
    return (tuple(_NAMES[letter] for letter in match[0]), match.end()) if len(match[0]) <= _LONGEST else None


TOKENS = (Token("s", rf"(?<![\u0370-\u03ff\u1f00-\u1fff])[{LETTERS}]+(?![\u0370-\u03ff\u1f00-\u1fff])", _letters),)
