"""Readers of everything with digits: numbers, ordinals, money, dates, times, telephone numbers.

Each takes the match of its token and the sentence around it, and returns the words and where it stopped reading.
"""

from __future__ import annotations

import re

from ssmphony.text.hindi import latin, numbers, tables
from ssmphony.text.hindi.context import Context, Said

NUMBER = r"\d{1,3}(?:,\d{2,3})+(?:\.\d+)?|\d+\.\d+(?![\d.])|\d+"
UNITS = {row[0]: tuple(row[1].split()) for row in tables.rows("units")}
_CURRENCY = {"₹": ("रुपया", "रुपये", "पैसे"), "$": ("डॉलर", "डॉलर", "सेंट"), "€": ("यूरो", "यूरो", "सेंट"),
             "£": ("पाउंड", "पाउंड", "पेंस"), "¥": ("येन", "येन", "")}  # fmt: skip
_PHONE_WORDS = frozenset("फोन फ़ोन मोबाइल हेल्पलाइन पिन पिनकोड कोड नंबर नम्बर ओटीपी".split())
_YEAR_BEFORE = frozenset("सन सन् वर्ष साल ईस्वी संवत फरवरी दिसम्बर सितम्बर नवम्बर".split()) | frozenset(numbers.MONTHS)
_YEAR_BEHIND = frozenset("में से तक के की का ई ईस्वी वाले वाली".split())
_UNIT = re.compile(r"\s?(°[CFcf]|[A-Za-z]+(?:/h|²)?|[\u0900-\u0963]+/[\u0900-\u0963]+)(?![A-Za-z\d])")
_LINK = re.compile(r"\s?([-–/⁄xX×:])\s?(\d{1,9})(?![\d:/⁄.,-])")
_MIXED = re.compile(r" (1[/⁄]2|1[/⁄]4|3[/⁄]4)(?![\d/⁄])")
_FRACTIONS = {
    ("1", "2"): ("आधा",),
    ("1", "3"): ("एक", "तिहाई"),
    ("1", "4"): ("एक", "चौथाई"),
    ("3", "4"): ("तीन", "चौथाई"),
}


def time(match: re.Match[str], state: Context) -> Said:
    hour, minute = (int(part) for part in re.findall(r"\d+", match[0])[:2])
    if hour > 24:
        return (*numbers.cardinal(hour), *numbers.cardinal(minute)), match.end()
    words = numbers.clock(hour, minute)
    marker = re.search(r"([AaPp])\.?[Mm]", match[0])
    if marker:
        words = (_part_of_day(hour, marker[1] in "Aa"), *words)
    return words, match.end()


def _part_of_day(hour: int, morning: bool) -> str:
    if morning:
        return "सुबह"
    return "दोपहर" if hour in (12, 1, 2, 3) else "शाम" if hour < 8 else "रात"


def date(match: re.Match[str], state: Context) -> Said:
    parts = [int(part) for part in re.findall(r"\d+", match[0])]
    day, month, year = reversed(parts) if parts[0] > 31 else parts
    if month > 12 and day <= 12:
        day, month = month, day
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return tuple(word for part in re.findall(r"\d+", match[0]) for word in numbers.integer(part)), match.end()
    said = numbers.year(year) if year > 99 else numbers.cardinal(year)
    return (*numbers.cardinal(day), numbers.MONTHS[month - 1], *said), match.end()


def phone(match: re.Match[str], state: Context) -> Said:
    return (("प्लस",) if match[0].startswith("+") else ()) + numbers.digits(match[0]), match.end()


def currency(match: re.Match[str], state: Context) -> Said:
    sign = match[0][0] if match[0][0] in _CURRENCY else "₹"
    one, many, parts = _CURRENCY[sign]
    number = re.search(NUMBER, match[0])
    written = number[0] if number else "0"
    scale = match[0][number.end() :].strip() if number else ""
    if scale:
        spoken = latin.to_devanagari(scale) if scale.isascii() else (scale,)
        return (*numbers.decimal(written), *spoken, many), match.end()
    whole, _, fraction = written.partition(".")
    words = (*numbers.decimal(whole), one if whole == "1" else many)
    if len(fraction) == 2 and parts and int(fraction):
        return (*words, *numbers.cardinal(int(fraction)), parts), match.end()
    return words if not fraction or not int(fraction[:9]) else (*numbers.decimal(written), many), match.end()


def ordinal(match: re.Match[str], state: Context) -> Said:
    number = re.match(r"\d+", match[0])
    digits = number[0] if number else "0"
    suffix = match[0][len(digits) :].strip(" -")
    if suffix.isascii():
        suffix = {1: "ला", 2: "रा", 3: "रा", 4: "था", 6: "ठा"}.get(int(digits), "वाँ")
    return numbers.ordinal(int(digits), suffix.replace("ां", "ाँ")), match.end()


def number(match: re.Match[str], state: Context) -> Said:
    """A number, with the unit, percent sign, range, fraction or year that its neighbours make of it."""
    text, stop = state.cleaned.text, match.end()
    written = match[0].lstrip("-−+")
    sign = {"-": ("माइनस",), "−": ("माइनस",), "+": ("प्लस",)}.get(match[0][0], ())
    words = sign + _plain_number(written, match.start(), stop, state)
    if written.isdigit() and (mixed := _MIXED.match(text, stop)):
        return sign + _mixed(int(written[:18]), mixed[1]), mixed.end()
    unit = _UNIT.match(text, stop)
    if unit and unit[1].lower() in UNITS and (len(unit[1]) > 1 or not unit[1].isupper()):
        return (*words, *UNITS[unit[1].lower()]), unit.end()
    link = _LINK.match(text, stop)
    if link and written.isdigit() and len(written) <= 9:
        other = link[2]
        if link[1] in "/⁄":
            return _fraction(words, written, other), link.end()
        if link[1] in "-–":
            upward = int(written) < int(other) or (len(written) == len(other) and written <= other)
            between = ("से",) if upward and not text[stop : stop + 1].isspace() else ()
            return (*words, *between, *numbers.integer(other)), link.end()
        if link[1] in "xX×":
            return (*words, "गुणा", *numbers.integer(other)), link.end()
    return words, stop


def _mixed(whole: int, part: str) -> tuple[str, ...]:
    """1½ डेढ़, 2½ ढाई, 3½ साढ़े तीन, 3¼ सवा तीन, 2¾ पौने तीन."""
    if part[0] == "3":
        return "पौने", *numbers.cardinal(whole + 1)
    if part[-1] == "2" and whole in (1, 2):
        return ("डेढ़",) if whole == 1 else ("ढाई",)
    return "सवा" if part[-1] == "4" else "साढ़े", *numbers.cardinal(whole)


def _fraction(words: tuple[str, ...], above: str, below: str) -> tuple[str, ...]:
    return _FRACTIONS.get((above, below)) or (*words, "बटा", *numbers.integer(below))


def _plain_number(written: str, start: int, stop: int, state: Context) -> tuple[str, ...]:
    before, behind = state.before(start), state.behind(stop)
    if written.isdigit() and len(written) >= 4 and before in _PHONE_WORDS:
        return numbers.digits(written)
    if written.isdigit() and len(written) == 4 and (before in _YEAR_BEFORE or behind in _YEAR_BEHIND):
        return numbers.year(int(written))
    return numbers.decimal(written)
