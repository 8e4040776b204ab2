"""Greek letters as symbols: α, Δt, ω-3. Longer words are those of `other_scripts`."""

from __future__ import annotations

import re

from ssmphony.text.hindi import tables
from ssmphony.text.hindi.context import Context, Said, Token

NAMES = {letter: row[1] for row in tables.rows("greek") for letter in row[0]}
LETTERS = "".join(sorted(NAMES))
LONGEST_SYMBOLS = 3
"""The most letters of a product of variables (αβ); longer runs are words."""


def _letters(match: re.Match[str], state: Context) -> Said | None:
    return (tuple(NAMES[letter] for letter in match[0]), match.end()) if len(match[0]) <= LONGEST_SYMBOLS else None


def _triangle(match: re.Match[str], state: Context) -> Said:
    """ΔABC, with the letter or the sign of an increment."""
    return ("त्रिभुज",), match.end()


TOKENS = (
    Token("s", "[Δ∆](?=[A-Z]{3}(?![A-Za-z]))", _triangle),
    Token("s", rf"(?<![\u0370-\u03ff\u1f00-\u1fff])[{LETTERS}]+(?![\u0370-\u03ff\u1f00-\u1fff])", _letters),
)
