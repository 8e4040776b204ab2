"""Numbers with a power of ten as computers write them: 1.5e-9, 1e6, 3.0E8."""

from __future__ import annotations

import re

from ssmphony.text.hindi import measures, numbers
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.quantities import SIGN, SIGNS


def _scientific(match: re.Match[str], state: Context) -> Said | None:
    if len(match["power"]) > 2 and "." not in match["number"]:
        return None  # 6E-234, a flight
    sign = (SIGNS[match["sign"]],) if match["sign"] else ()
    minus = (numbers.MINUS,) if match["below"] else ()
    power = (*minus, *numbers.cardinal(int(match["power"])))
    words = (*sign, *numbers.decimal(match["number"]), "गुणा", "दस", "की", "घात", *power)
    unit = measures.unit(state.text, match.end())
    return ((*words, *unit.words), unit.end) if unit else (words, match.end())


TOKENS = (
    Token(
        "ds",
        (
            rf"(?<![A-Za-z\d.]){SIGN}(?P<number>\d{{1,15}}(?:\.\d{{1,15}})?)"
            r"[eE](?:\+|(?P<below>[-−]))?(?P<power>\d{1,3})(?![A-Za-z\d])"
        ),
        _scientific,
    ),
)
