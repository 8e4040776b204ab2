"""Numbers and what stands around them: sign, scale word, unit, percent, range, list."""

from __future__ import annotations

import re

from ssmphony.text.hindi import measures, numbers, tables
from ssmphony.text.hindi.context import DEVANAGARI, Context, Said, Token
from ssmphony.text.hindi.lazy import Lazy

NUMBER = r"(?:\d{1,3}(?:,\d{2,3}){0,8},\d{3}(?!\d)(?:\.\d{1,15}(?!\d))?|\d+\.\d{1,15}(?!\d|\.\d)|\d+)"
"""A number with Indian or western grouping, with a decimal point, or plain digits."""
DASH = r"\s?[-–—−~]\s?"
SIGNS = {"-": numbers.MINUS, "−": numbers.MINUS, "+": "प्लस"}

SCALES = {row[0]: row[1] for row in tables.rows("scales")}
_SECOND = Lazy(rf"{DASH}[₹$€£]?({NUMBER})")
_MONEY_SCALES = frozenset(row[0] for row in tables.rows("scales") if len(row) > 2)
_ANY_SCALE = "|".join(re.escape(name) for name in sorted(SCALES, key=len, reverse=True))
SCALE = Lazy(rf"(?:\s|-(?=[A-Za-z]{{2}}))?({_ANY_SCALE})(?![A-Za-z\d]|\.[A-Z]|{DEVANAGARI})")
_BOOKED = Lazy(r"(?:,\d{3}\.\d\d|\.00)\Z")
"""An amount with its paise, as accounts have it: the Cr or Dr after it is credit or debit."""
_AUDIENCE = Lazy(
    r"\+?\s(?i:views?|followers?|subscribers?|subs|likes?|downloads?|users?|shares?|comments?|members"
    r"|votes?|reviews?|ratings?|people|log|rupees?|rupa?ye|rs|salary|budget|customers?|students?|jobs?|steps?|km|units?"
    r"|व्यूज|व्यूज़|फॉलोअर|फ़ॉलोअर|फॉलोवर|फ़ॉलोवर|सब्सक्राइबर|लाइक|डाउनलोड|यूजर|यूज़र|लोग|रुपये|रुपए|रूपये|रु|वोट|ग्राहक"
    r"|दे\sद|दो(?![\u0900-\u0963])|चाहिए|भेज|लगेंगे|खर्च|ख़र्च|छात्र|सैलरी|वेतन|बजट|नौकर|किमी|किलोमीटर|सदस्य|दर्शक|कर्मचारी)"
)
"""Whom and what such letters count: 10k followers, 1.5M views, 5k रुपये."""
_THOUSANDS = Lazy(r"(?<![\d.,])(?:\d{2,3}(?=[kK]\Z)|\d{1,2}\.\d(?=[kKMB]\Z))")
"""A number to which the letter of a scale is glued, whatever is counted: 15k, 1.5M; one of a single figure may be a
resolution (4K)."""
_MODEL = Lazy(r"[A-Za-z]\d{1,2}-\Z")
"""What a number and a letter belong to that name a thing: i7-12700H."""
_EACH = Lazy(rf"/(?=[a-zμ][A-Za-z]|{DEVANAGARI}{{2}})")
"""The stroke of 72/मिनट, 10/day, 7,500/μL."""
_WHOLE_AMOUNT = Lazy(r"\d{1,3}(?:,\d{2,3}){1,8}\.00")
"""An amount of money in a table or an account, where nothing tells the currency: 1,250.00"""
_PADDED = Lazy("0[1-9]")
"""A quantity in two figures, where what follows is counted (02 घंटे); elsewhere a code."""
_COUNTED = frozenset(
    "घंटे घंटा घंटों मिनट मिनटों सेकंड दिन दिनों दिवसीय सप्ताह हफ़्ते हफ्ते माह महीने महीनों वर्ष वर्षों वर्षीय साल बार"
    " लोग लोगों व्यक्ति व्यक्तियों यात्री यात्रियों आरोपी आरोपियों अभियुक्त युवक बच्चे बच्चों मरीज मरीज़ मौत मौतें"
    " पद पदों सीट सीटें सीटों प्रश्न प्रश्नों अंक अंकों रुपये किलो लीटर मीटर फीट फ़ीट".split()
)
_PERCENT = Lazy(r"\s?([%‰])")
_PERCENT_WORDS = {"%": ("प्रतिशत",), "‰": ("प्रति", "हज़ार")}


def scales(text: str, place: int, money: bool = False) -> Said:
    """Up to two scale words (लाख, करोड़, million) at ``place``; the letters K, L, M, B scale money and audiences."""
    words: list[str] = []
    for _ in range(2):
        match = SCALE.match(text, place)
        if not match:
            break
        if match[1] in ("Cr", "cr") and _BOOKED.search(text, max(0, place - 8), place):
            break
        counts = money or _AUDIENCE.match(text, match.end()) or _THOUSANDS.search(text, place - 4, match.end())
        if match[1] in _MONEY_SCALES and not counts:
            break
        words.append(SCALES[match[1]])
        place = match.end()
    return tuple(words), place


def amount(written: str, state: Context, everyday: bool) -> tuple[str, ...]:
    """A number in words; halves and quarters as Hindi counts them where ``everyday``."""
    if everyday and state.style.fractions == "everyday" and (words := numbers.quarters(written)):
        return words
    return numbers.decimal(written)


def scaled_second(place: int, state: Context) -> Said:
    """The second half of a range whose first half had its own scale word: 50 लाख-1 करोड़."""
    second = _SECOND.match(state.text, place)
    scaled, stop = scales(state.text, second.end(), money=True) if second else ((), place)
    if not second or not scaled:
        return (), place
    return ("से", *amount(second[1], state, everyday=True), *scaled), stop


def _number(match: re.Match[str], state: Context) -> Said:
    """A number or a range of numbers, with the scale words, the percent sign or the unit after it."""
    first, second = match["first"], match["second"]
    stop = match.end()
    if second and not _is_range(first, second, state, match):
        second, stop = None, match.end("first")
    scaled, after_scale = scales(state.text, stop)
    unit = measures.unit(
        state.text, after_scale, one=float(first.replace(",", "")[:9]) < 2 and not second and not scaled
    )
    if unit and _MODEL.search(state.text, max(0, match.start() - 4), match.start()) and unit.end == stop + 1:
        unit = None
    if _PADDED.fullmatch(first) and (unit or state.after(stop) in _COUNTED):
        first = first.lstrip("0")
    everyday = bool(scaled) or (unit is not None and unit.everyday)
    if not second and _WHOLE_AMOUNT.fullmatch(first):
        first = first[: -len(".00")]
    words = amount(first, state, everyday)
    if second:
        words = (*words, "से", *amount(second, state, everyday))
    if match["sign"]:
        words = (SIGNS[match["sign"]], *words)
    if not scaled and (percent := _PERCENT.match(state.text, stop)):
        return (*words, *_PERCENT_WORDS[percent[1]]), percent.end()
    words += scaled
    if scaled and (also := scaled_second(after_scale, state))[0]:
        return (*words, *also[0]), also[1]
    if unit is None and (each := _EACH.match(state.text, after_scale)):
        per = measures.unit(state.text, each.end(), one=True)
        return ((*words, "प्रति", *per.words), per.end) if per else (words, after_scale)
    return ((*words, *unit.words), unit.end) if unit else (words, after_scale)


def _is_range(first: str, second: str, state: Context, match: re.Match[str]) -> bool:
    """Whether the dash between two numbers means से; a falling pair is a score, a code or a subtraction."""
    try:
        rising = float(first.replace(",", "")) < float(second.replace(",", ""))
    except OverflowError:
        return False
    if re.match("[A-Za-z]", state.character(match.start("first") - 1)):
        return False  # i5-1235U
    glued = state.character(match.end("first")) + state.character(match.start("second") - 1)
    return rising and len(first) < 12 and len(second) < 12 and (" " not in glued or glued == "  ")


def _point(match: re.Match[str], state: Context) -> Said | None:
    """A decimal without its zero: .75"""
    return numbers.decimal("0" + match[0]), match.end()


def _about(match: re.Match[str], state: Context) -> Said:
    return ("लगभग",), match.end()


def _degrees(match: re.Match[str], state: Context) -> Said:
    """The dash of 20°-25° and 20°C-25°C."""
    return ("से",), match.end()


def _percents(match: re.Match[str], state: Context) -> Said:
    """10%-15%"""
    first, second = numbers.decimal(match[1]), numbers.decimal(match[2])
    return (*first, "प्रतिशत", "से", *second, "प्रतिशत"), match.end()


_NOT_GLUED = rf"(?<![A-Za-zΑ-ω\d)\].:°]|{DEVANAGARI})"
SIGN = rf"(?P<sign>{_NOT_GLUED}[-−+](?=\d))?"
TOKENS = (
    Token("d", (rf"({NUMBER})\s?%{DASH}({NUMBER})\s?%"), _percents),
    Token(
        "ds",
        (rf"{SIGN}(?P<first>{NUMBER})(?:{DASH}(?P<second>{NUMBER})(?!-?\d))?"),
        _number,
    ),
    Token("s", (rf"{_NOT_GLUED}(?<!\.)\.\d{{1,15}}(?![\d.])"), _point),
    Token("s", r"(?:(?<=°)|(?<=°[CF]))[-–—](?=\d{1,3}(?:\.\d{1,2})?\s?°)", _degrees),
    Token("s", (r"~(?=\s?[₹$€£]?\s?\d)"), _about),
)
