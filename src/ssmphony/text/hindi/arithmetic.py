"""Sums, powers, ratios and dimensions: 10 - 3 = 7, 5×3, 10², 16:9, 10x12 फीट."""

from __future__ import annotations

import re

from ssmphony.text.hindi import measures, numbers, times
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.quantities import NUMBER

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWERS = {"2": ("का", "वर्ग"), "3": ("का", "घन")}


def _superscript(match: re.Match[str], state: Context) -> Said:
    """Behind a number or a letter: ² का वर्ग, ³ का घन, others की घात."""
    return _power(match[0].translate(_SUPERSCRIPTS)), match.end()


def _caret(match: re.Match[str], state: Context) -> Said:
    return _power(match[1]), match.end()


def _power(written: str) -> tuple[str, ...]:
    if written in _POWERS:
        return _POWERS[written]
    minus = (numbers.MINUS,) if written.startswith("-") else ()
    return "की", "घात", *minus, *numbers.integer(written.strip("+-"))


def _minus(match: re.Match[str], state: Context) -> Said:
    return (*numbers.decimal(match[1]), numbers.MINUS, *numbers.decimal(match[2])), match.end()


def _times(match: re.Match[str], state: Context) -> Said:
    """Of lengths बाई, as every x is; of numbers गुणा."""
    unit = measures.unit(state.text, match.end())
    word = "बाई" if match[2] in "xX" or unit else "गुणा"
    words = (*numbers.decimal(match[1]), word, *numbers.decimal(match[3]))
    return ((*words, *unit.words), unit.end) if unit else (words, match.end())


def _ratio(match: re.Match[str], state: Context) -> Said:
    """16:9 with अनुपात between; one after the other where the words around say it, and three or more (1:2:4)."""
    parts = match[0].split(":")
    between = () if len(parts) > 2 or times.paired(match, state) else ("अनुपात",)
    words = [(*between, *numbers.decimal(part)) for part in parts]
    return (*words[0][len(between) :], *(word for part in words[1:] for word in part)), match.end()


TOKENS = (
    Token("d", (rf"({NUMBER})\s?[-−–]\s?({NUMBER})(?=\s?=)"), _minus),
    Token("d", (rf"({NUMBER})\s?([xX×*])\s?({NUMBER})(?![A-Za-z])"), _times),
    Token("d", r"\d{1,4}(?:\.\d{1,2})?(?::\d{1,6}(?:\.\d{1,2})?){1,4}(?![\d:])", _ratio),
    Token("s", (r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6}"), _superscript),
    Token("s", (r"\^(-?\d{1,6})(?!\d)"), _caret),
)
