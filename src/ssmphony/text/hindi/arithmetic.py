"""Sums, powers, ratios and dimensions: 10 - 3 = 7, 5×3, 10², 16:9, 10x12 फीट."""

from __future__ import annotations

import re

from ssmphony.text.hindi import latin, measures, numbers, tables, times
from ssmphony.text.hindi.context import Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy
from ssmphony.text.hindi.quantities import NUMBER

_FUNCTIONS = tables.pairs("functions")
FUNCTION = (
    rf"(?<![A-Za-z\d])({'|'.join(sorted(_FUNCTIONS, key=len, reverse=True))})(?![A-Za-z])"
    r"(?=\sबेस\s|(?:⁻¹|[²³]|\d{1,2})?\s?\(?-?(?:\d{0,3}[α-ωΑ-Ω]|\d{1,4}°|\d{0,3}[a-zA-Z](?![A-Za-z])[^।?]{0,25}[=→+]"
    r"|\d{1,6}(?:\.\d{1,6})?\s?[=+×÷]))"
)
"""The name of a function and, ahead of it, what shows that it is one: a Greek letter, degrees, an equation."""
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER_SIGNS = tuple("^⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ")
_POWERS = {"2": ("का", "वर्ग"), "3": ("का", "घन")}


def _superscript(match: re.Match[str], state: Context) -> Said:
    """After a number or a letter: ² का वर्ग, ³ का घन, others की घात; then the unit of the number."""
    return _with_unit(_power(match[0].translate(_SUPERSCRIPTS)), match, state)


def _caret(match: re.Match[str], state: Context) -> Said:
    return _with_unit(_power(match[1]), match, state)


def _with_unit(words: tuple[str, ...], match: re.Match[str], state: Context) -> Said:
    """A power and the unit that follows where a number has it: 10⁻³ m, 10^-19 C."""
    if not state.character(match.start() - 1).isdigit():
        return words, match.end()
    if charge := _COULOMB.match(state.text, match.end()):
        return (*words, "कूलॉम"), charge.end()
    unit = measures.unit(state.text, match.end())
    return ((*words, *unit.words), unit.end) if unit else (words, match.end())


def _letter_power(match: re.Match[str], state: Context) -> Said:
    """xⁿ, e^x, 2^(n+1)"""
    letter = match[0].replace("ⁿ", "n").lstrip("^").lower()
    return ("की", "घात", *((latin.LETTER_NAMES[letter],) if letter else ())), match.end()


def _quotient(match: re.Match[str], state: Context) -> Said | None:
    """The stroke of x/y, 2x/3, (a+b)/c and n(n+1)/2: between terms of which one is a number, a bracket, x, y or z, or
    where an equation stands near. Of two other letters (A/B) it is silent."""
    text, start, stop = state.text, match.start(), match.end()
    before, after = _DIVIDEND.search(text[max(0, start - 8) : start]), _DIVISOR.match(text, stop)
    if not before or not after:
        return None
    terms = before[0] + after[0]
    near = text[max(0, start - 20) : stop + 20]
    plain = terms.strip().isalpha() and not _UNKNOWNS.search(terms)
    return None if plain and not _FORMULA.search(near) else (("बटा",), stop)


def _derivative(match: re.Match[str], state: Context) -> Said:
    """dy/dx, d²y/dx²"""
    letters = latin.LETTER_NAMES
    order = (("टू" if match[1] in ("²", "2") else "थ्री"),) if match[1] else ()
    below = _POWERS.get((match[4] or "").translate(_SUPERSCRIPTS).lstrip("^"), ())
    above = (letters["d"], *order, *((letters[match[2]],) if match[2] else ()))
    return (*above, "बटा", letters["d"], letters[match[3]], *below), match.end()


def _factorial(match: re.Match[str], state: Context) -> Said | None:
    """5! = 120, n!"""
    after = state.text[match.end() : match.end() + 20]
    before = state.text[max(0, match.start() - 24) : match.start()]
    if not _GOES_ON.match(after) and (after.strip(" .।") or not _FACTOR.search(before)):
        return None
    return ("फ़ैक्टोरियल",), match.end()


def _absolute(match: re.Match[str], state: Context) -> Said:
    """|x|"""
    letter = match[2]
    words = (latin.LETTER_NAMES[letter.lower()],) if letter.isalpha() else numbers.decimal(letter)
    return ("मॉड", *((numbers.MINUS,) if match[1] else ()), *words), match.end()


def _argument(match: re.Match[str], state: Context) -> Said | None:
    """The bracket right after a letter or a function (f(x), P(A), sin(θ)) does not pause; nor does the one that
    closes it."""
    text, place = state.text, match.start()
    applied = _APPLIED if match[0] == "(" else _APPLIED_BEFORE
    return None if applied.search(text[max(0, place - 30) : place]) else ((), match.end())


def _power(written: str) -> tuple[str, ...]:
    if written in _POWERS:
        return _POWERS[written]
    minus = (numbers.MINUS,) if written.startswith("-") else ()
    return "की", "घात", *minus, *numbers.integer(written.strip("+-"))


def _minus(match: re.Match[str], state: Context) -> Said | None:
    """Between two numbers next to a sign of equality; anywhere else a dash is a range or a score, and a minus sign too
    where the numbers grow or it has no blanks."""
    before = state.text[max(0, match.start() - 2) : match.start()].rstrip()
    signed = " − " in match[0] and float(match[1].replace(",", "")) > float(match[2].replace(",", ""))
    if not (signed or before.endswith("=") or state.text[match.end() : match.end() + 2].lstrip().startswith("=")):
        return None
    return (*numbers.decimal(match[1]), numbers.MINUS, *numbers.decimal(match[2])), match.end()


def _times(match: re.Match[str], state: Context) -> Said:
    """Of lengths बाई, as every x is; of numbers गुणा."""
    powered = state.character(match.end()) in _POWER_SIGNS
    unit = None if powered else measures.unit(state.text, match.end())
    word = "बाई" if (match[2] in "xX" and not powered) or unit else "गुणा"
    words = (*numbers.decimal(match[1]), word, *numbers.decimal(match[3]))
    return ((*words, *unit.words), unit.end) if unit else (words, match.end())


def _packs(match: re.Match[str], state: Context) -> Said:
    """12 x 1L, 2×500g: how many of an amount."""
    return (*numbers.integer(match[1]), "गुणा"), match.end()


def _ratio(match: re.Match[str], state: Context) -> Said:
    """16:9 with अनुपात between; one after the other where the words around say it, and three or more (1:2:4)."""
    parts = match[0].split(":")
    proportion = state.text[match.start() - 2 : match.start()] == "::" or state.text.startswith("::", match.end())
    between = () if len(parts) > 2 or (times.paired(match, state) and not proportion) else ("अनुपात",)
    before = state.before(match.start())
    named = len(parts[0]) > 3 or (before.isascii() and before.isupper() and len(before) > 1)
    if len(parts) == 2 and ((named and _YEAR.fullmatch(parts[1])) or _of_a_game(parts[1], match, state)):
        between = ()  # ISO 9001:2015, IS 456:2000; मुकाबला 1:1 पर छूटा
    words = [(*between, *numbers.decimal(part)) for part in parts]
    return (*words[0][len(between) :], *(word for part in words[1:] for word in part)), match.end()


def _of_a_game(second: str, match: re.Match[str], state: Context) -> bool:
    """Whether a word near two small numbers tells of a game; two figures after the colon may be minutes."""
    near = [*state.words_before(match.start())[-3:], *state.words_after(match.end())[:3]]
    return len(second) == 1 and not _GAMES.isdisjoint(near)


def _spaced_ratio(match: re.Match[str], state: Context) -> Said | None:
    """अनुपात 2 : 3 and 2 : 3 :: 4 : 6, with blanks around the colon."""
    between: tuple[str, ...] = ()
    if state.text[max(0, match.start() - 3) : match.start()].rstrip().endswith("::") or _PROPORTION_AFTER.match(
        state.text, match.end()
    ):
        between = ("अनुपात",)
    elif not times.paired(match, state):
        return None
    return (*numbers.decimal(match[1]), *between, *numbers.decimal(match[2])), match.end()


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


def _similar(match: re.Match[str], state: Context) -> Said:
    """△ABC ~ △DEF"""
    return ("समरूप",), match.end()


def _plus_or_minus(match: re.Match[str], state: Context) -> Said:
    return ("प्लस", "माइनस"), match.end()


def _by(match: re.Match[str], state: Context) -> Said | None:
    """Between two lengths: 4 इंच x 6 इंच; between an amount and how many of it: ₹500 x 12, 500g x 2."""
    before = state.text[max(0, match.start() - 20) : match.start()]
    if _MONEY.search(before) or _PORTION.search(before):
        return ("गुणा",), match.end()
    return (("बाई",), match.end()) if _LENGTH.search(before) else None


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


def _negative(match: re.Match[str], state: Context) -> Said:
    """The minus before a variable: x = -b, (-b ± …)"""
    return (numbers.MINUS,), match.end()


def _difference(match: re.Match[str], state: Context) -> Said | None:
    """The minus of a formula (b² - 4ac, x - y = 5): between two terms, where an equation or a power stands near, or
    where it is no hyphen (A − B)."""
    before = state.text[max(0, match.start() - 20) : match.start()]
    after = state.text[match.end() : match.end() + 20]
    formula = match[0] == "−" or _FORMULA.search(before + after) or (_BRACKET.search(before) and _CLOSED.match(after))
    if not (formula and _TERM_BEFORE.search(before) and _TERM_AFTER.match(after)):
        return None
    return (numbers.MINUS,), match.end()


def _difference_of_letters(match: re.Match[str], state: Context) -> Said | None:
    """The a-b of (a+b)(a-b), in a formula."""
    near = state.text[max(0, match.start() - 20) : match.end() + 20]
    letters = latin.LETTER_NAMES
    return ((letters[match[1]], numbers.MINUS, letters[match[2]]), match.end()) if _FORMULA.search(near) else None


_GAMES = frozenset("मुकाबला मुकाबले मुक़ाबला मुक़ाबले मैच सेट गेम शतरंज हॉकी फुटबॉल फ़ुटबॉल फाइनल फ़ाइनल सेमीफाइनल सीरीज सीरीज़".split())
_DIVIDEND = Lazy(r"(?:ℏ|(?<![A-Za-z])\d{0,4}[A-Za-zα-ω]|Δ[a-zA-Z]|(?<![A-Za-z])[A-Za-z\d]{1,4}\)|\)[²³]?|\d!?)\s?\Z")
_DIVISOR = Lazy(r"\s?(?:\d{1,4}|Δ[a-zA-Z]|\d{0,3}[A-Za-zα-ω](?![A-Za-z/])|√[\dA-Za-z(]|\((?=[\dA-Za-z]))")
_UNKNOWNS = Lazy("[xyzα-ωΔ]")
_GOES_ON = Lazy(r"\s?(?:[-=+×÷*/<>≤≥≠−]|\)|(?:का|की|के|को|में|से|तक|और|व|तथा|बराबर)(?![\u0900-\u097f]))")
_FACTOR = Lazy(r"(?:(?:\A|[=×*/(+÷−-]\s?)[nkrm]|(?:[=×*÷−-]\s?|(?<![A-Za-z])[nkrm])\([^()]{1,12}\))\Z")
"""A variable or a bracket of a formula, where an exclamation mark at the end is a factorial."""
_PROPORTION_AFTER = Lazy(r"\s?::")
_APPLIED = Lazy(rf"(?:(?<![A-Za-z.])[A-Za-zα-ω]|(?<![A-Za-z])(?:{'|'.join(_FUNCTIONS)}))[²³]?\Z")
_APPLIED_BEFORE = Lazy(rf"{_APPLIED.pattern[:-2]}\([^()]{{0,24}}\Z")
_YEAR = Lazy(r"(?:19|20)\d\d")
_LENGTH = Lazy(r"(?:इंच|फीट|फ़ीट|फुट|फु\.|फी\.|सेमी|मिमी|मीटर|मी\.?|cm|mm|m|ft|feet|inch|in|[\"″'′])\s?\Z")
_MONEY = Lazy(r"(?:(?:[₹$€£]|Rs\.?|रु\.?)\s?[\d,.]+(?:/-)?|रुपये|रुपए|रु\.?|[₹\d]/[\u0900-\u0963]{2,6})\s\Z")
_PORTION = Lazy(r"\d\s?(?:kg|gm?s?|mg|ml|mL|ltr|[lLW]|GB|MB|TB|mAh|ग्राम|किलो|किग्रा|लीटर|ली\.|मिली)\s?\Z")
_COULOMB = Lazy(r"\s?C(?![A-Za-z\d])")
_ONE_LETTER = Lazy(r"(?<![A-Za-z\d])[A-Za-z]\Z")
_EQUATED = Lazy(r"[A-Za-z](?::[A-Za-z]){0,3}\s?(?:=|::)")
_TERM_BEFORE = Lazy(r"(?:(?<![A-Za-z\d])\d{0,4}[A-Za-z]{1,2}|[)⁰¹²³⁴⁵⁶⁷⁸⁹]|\^\d{1,3})\s?\Z")
_TERM_AFTER = Lazy(r"\s?(?:\d{0,4}[A-Za-zα-ω]{1,3}(?![A-Za-z])|\d{1,4}(?![\d:%])|\()")
_BRACKET = Lazy(r"\(\d{0,2}[xyz]\s?\Z")
_CLOSED = Lazy(r"\s?\d{1,3}\)")
_FORMULA = Lazy(r"[=²³√^]")
_POWERED = Lazy(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]|\^-?\d")
_SIGN_AFTER = Lazy(r"\s?[=+×÷≤≥<>](?!=)\s?[A-Za-z\d]")
_SIGN_BEFORE = Lazy(r"[=+×÷−√∑∫∏]\s?\Z")
TOKENS = (
    Token("d", (rf"({NUMBER})\s?[-−–]\s?({NUMBER})(?![%°])"), _minus),
    Token("d", r"(\d{1,4})\s?[xX×]\s?(?=\d{1,4}(?:\.\d{1,2})?\s?(?:kg|gm?s?|mg|ml|mL|ltr|[lLW])(?![A-Za-z]))", _packs),
    Token("d", (rf"({NUMBER})\s?([xX×*])\s?({NUMBER})(?![A-Za-z])"), _times),
    Token("d", r"\d{1,4}(?:\.\d{1,2})?(?::(?:\d{1,3}(?:,\d{2,3})+|\d{1,6})(?:\.\d{1,2})?){1,4}(?!\d|:(?!:))", _ratio),
    Token("d", r"(\d{1,4}(?:\.\d{1,2})?)(?:\s:\s?|:\s)(\d{1,4}(?:\.\d{1,2})?)(?![\d:.]|\s:(?!:))", _spaced_ratio),
    Token("s", r"\s?::\s?(?=[\dA-Za-z])", _proportion),
    Token("s", r":(?=[A-Za-z])", _ratio_of_letters),
    Token("l", FUNCTION, _function),
    Token("s", r"\+/[-−]", _plus_or_minus),
    Token("ls", r"(?<![A-Za-z])[xX×](?=\s?\d)", _by),
    Token("s", (r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,6}"), _superscript),
    Token("s", (r"\^(-?\d{1,6})(?!\d)"), _caret),
    Token("s", r"(?<=[\dA-Za-z)])\*\*(-?\d{1,4})(?![\d*])", _caret),
    Token("s", r"(?<=[A-Z]\s)~(?=\s[△Δ∆]?[A-Z]{3}(?![A-Za-z]))", _similar),
    Token("s", r"ⁿ|\^[A-Za-z](?![A-Za-z])|\^(?=\()", _letter_power),
    Token("l", r"(?<![A-Za-z])d([²³]|\^?[23])?([a-z])?/d([a-z])([²³]|\^[23])?(?![A-Za-z])", _derivative),
    Token("s", r"(?<=[\dA-Za-z)])(?<![A-Za-z]{2})!", _factorial),
    Token("s", r"\|([-−])?([A-Za-z]|\d{1,6}(?:\.\d{1,4})?)\|(?!\|)", _absolute),
    Token("s", r"/\s?(?=[\dA-Za-zα-ωΔ(√])", _quotient),
    Token("s", r"[()]", _argument),
    Token("s", r"(?:(?<=[(=×÷√/^])|(?<=[(=×÷√/]\s))[-−](?=\d{0,3}[A-Za-zα-ω](?![A-Za-z])|√)", _negative),
    Token("s", r"[-−–]", _difference),
    Token("s", r"(?<=\d)/(?=\d)", _stroke),
    Token("l", r"(?<![A-Za-z'’\"])[A-Za-z]['′]{1,2}(?![A-Za-z'′])", _prime),
    Token("l", r"(?<![A-Za-z'’])[a-z]{2,3}(?![A-Za-z'’])", _variables),
    Token("l", r"(?<![A-Za-z\d'’-])([a-z])[-−]([a-z])(?![A-Za-z\d'’-])", _difference_of_letters),
)
