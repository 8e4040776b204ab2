"""Sums, powers, ratios and dimensions: 10 - 3 = 7, 5×3, 10², 16:9, 10x12 फीट."""

from __future__ import annotations

import re

from ssmphony.text.hindi import latin, measures, numbers, tables, times
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.quantities import NUMBER

_FUNCTIONS = tables.pairs("functions")
FUNCTION = (
    rf"(?<![A-Za-z\d])({'|'.join(sorted(_FUNCTIONS, key=len, reverse=True))})(?![A-Za-z])"
    r"(?=(?:⁻¹|[²³]|\d{1,2})?\s?\(?-?(?:\d{0,3}[α-ωΑ-Ω]|\d{1,4}°|\d{0,3}[a-zA-Z](?![A-Za-z])[^।?]{0,25}[=→+]"
    r"|\d{1,6}(?:\.\d{1,6})?\s?[=+×÷]))"
)
"""The name of a function and, ahead of it, what shows that it is one: a Greek letter, degrees, an equation."""
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWERS = {"2": ("का", "वर्ग"), "3": ("का", "घन")}


def _superscript(match: re.Match[str], state: Context) -> Said:
    """After a number or a letter: ² का वर्ग, ³ का घन, others की घात; then the unit of the number."""
    words = _power(match[0].translate(_SUPERSCRIPTS))
    unit = measures.unit(state.text, match.end()) if state.character(match.start() - 1).isdigit() else None
    return ((*words, *unit.words), unit.end) if unit else (words, match.end())


def _caret(match: re.Match[str], state: Context) -> Said:
    return _power(match[1]), match.end()


def _power(written: str) -> tuple[str, ...]:
    if written in _POWERS:
        return _POWERS[written]
    minus = (numbers.MINUS,) if written.startswith("-") else ()
    return "की", "घात", *minus, *numbers.integer(written.strip("+-"))


def _minus(match: re.Match[str], state: Context) -> Said | None:
    """Between two numbers next to a sign of equality; anywhere else a dash is a range or a score."""
    before = state.text[max(0, match.start() - 2) : match.start()].rstrip()
    if not (before.endswith("=") or state.text[match.end() : match.end() + 2].lstrip().startswith("=")):
        return None
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
    proportion = state.text[match.start() - 2 : match.start()] == "::" or state.text.startswith("::", match.end())
    between = () if len(parts) > 2 or (times.paired(match, state) and not proportion) else ("अनुपात",)
    if len(parts) == 2 and len(parts[0]) > 3 and _YEAR.fullmatch(parts[1]):
        between = ()  # ISO 9001:2015
    words = [(*between, *numbers.decimal(part)) for part in parts]
    return (*words[0][len(between) :], *(word for part in words[1:] for word in part)), match.end()


def _ratio_of_letters(match: re.Match[str], state: Context) -> Said | None:
    """A:B = 2:3"""
    before, after = state.text[max(0, match.start() - 3) : match.start()], state.text[match.end() : match.end() + 12]
    return (("अनुपात",), match.end()) if _ONE_LETTER.search(before) and _EQUATED.match(after) else None


def _proportion(match: re.Match[str], state: Context) -> Said:
    """2:3::4:6"""
    return ("समानुपात",), match.end()


def _function(match: re.Match[str], state: Context) -> Said | None:
    """sin θ, log x: the names of functions, before what they are taken of."""
    return tuple(_FUNCTIONS[match[1]].split()), match.end()


def _plus_or_minus(match: re.Match[str], state: Context) -> Said:
    return ("प्लस", "माइनस"), match.end()


def _by(match: re.Match[str], state: Context) -> Said | None:
    """Between two lengths: 4 इंच x 6 इंच."""
    return (("बाई",), match.end()) if _LENGTH.search(state.text[max(0, match.start() - 12) : match.start()]) else None


def _stroke(match: re.Match[str], state: Context) -> Said:
    """The stroke between the numbers of a file: 12/345/2024."""
    return ("बटा",), match.end()


def _prime(match: re.Match[str], state: Context) -> Said | None:
    """A variable with a prime (s', f''), not a letter in quotation marks."""
    if "'" in state.text[max(0, match.start() - 60) : match.start()] and not state.character(match.end()).isspace():
        return None
    letter, primes = match[0][0], len(match[0]) - 1
    return (latin.LETTER_NAMES[letter.lower()], *("डबल",) * (primes - 1), "प्राइम"), match.end()


def _variables(match: re.Match[str], state: Context) -> Said | None:
    """A product of variables (F = ma, ax² + by, 4ac): letters next to a sign of a formula, where they are no word."""
    text, start, stop = state.text, match.start(), match.end()
    powered = bool(_POWERED.match(text, stop))
    signed = bool(_SIGN_AFTER.match(text, stop)) or bool(_SIGN_BEFORE.search(text[max(0, start - 3) : start]))
    if not (powered or (signed and len(match[0]) == 2) or text[start - 1 : start].isdigit()):
        return None
    return tuple(latin.LETTER_NAMES[letter] for letter in match[0]), stop


def _difference(match: re.Match[str], state: Context) -> Said | None:
    """The minus of a formula (b² - 4ac, x - y = 5): between two terms, where an equation or a power stands near."""
    before = state.text[max(0, match.start() - 20) : match.start()]
    after = state.text[match.end() : match.end() + 20]
    if not (_TERM_BEFORE.search(before) and _TERM_AFTER.match(after) and _FORMULA.search(before + after)):
        return None
    return (numbers.MINUS,), match.end()


_YEAR = re.compile(r"(?:19|20)\d\d")
_LENGTH = re.compile(r"(?:इंच|फीट|फ़ीट|फुट|सेमी|मिमी|मीटर|मी\.?|cm|mm|m|ft|feet|inch|in|[\"″'′])\s?\Z")
_ONE_LETTER = re.compile(r"(?<![A-Za-z\d])[A-Za-z]\Z")
_EQUATED = re.compile(r"[A-Za-z](?::[A-Za-z]){0,3}\s?(?:=|::)")
_TERM_BEFORE = re.compile(r"(?:(?<![A-Za-z\d])\d{0,4}[A-Za-z]{1,2}|[)⁰¹²³⁴⁵⁶⁷⁸⁹])\s?\Z")
_TERM_AFTER = re.compile(r"\s?(?:\d{0,4}[A-Za-zα-ω]{1,3}(?![A-Za-z])|\d{1,4}(?![\d:%])|\()")
_FORMULA = re.compile(r"[=²³√^]")
_POWERED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]|\^-?\d")
_SIGN_AFTER = re.compile(r"\s?[=+×÷≤≥<>](?!=)\s?[A-Za-z\d]")
_SIGN_BEFORE = re.compile(r"[=+×÷−√]\s?\Z")
TOKENS = (
    Token("d", (rf"({NUMBER})\s?[-−–]\s?({NUMBER})(?![%°])"), _minus),
    Token("d", (rf"({NUMBER})\s?([xX×*])\s?({NUMBER})(?![A-Za-z])"), _times),
    Token("d", r"\d{1,4}(?:\.\d{1,2})?(?::(?:\d{1,3}(?:,\d{2,3})+|\d{1,6})(?:\.\d{1,2})?){1,4}(?!\d|:(?!:))", _ratio),
    Token("s", r"\s?::\s?(?=[\dA-Za-z])", _proportion),
    Token("s", r":(?=[A-Za-z])", _ratio_of_letters),
    Token("l", FUNCTION, _function),
    Token("s", r"\+/[-−]", _plus_or_minus),
    Token("ls", r"(?<![A-Za-z])[xX×](?=\s?\d)", _by),
    Token("s", (r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6}"), _superscript),
    Token("s", (r"\^(-?\d{1,6})(?!\d)"), _caret),
    Token("s", r"[-−–]", _difference),
    Token("s", r"(?<=\d)/(?=\d)", _stroke),
    Token("l", r"(?<![A-Za-z'’\"])[A-Za-z]['′]{1,2}(?![A-Za-z'′])", _prime),
    Token("l", r"(?<![A-Za-z'’])[a-z]{2,3}(?![A-Za-z'’])", _variables),
)
