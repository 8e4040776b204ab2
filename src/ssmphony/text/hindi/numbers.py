"""Numbers in Hindi words: cardinals with Indian grouping, ordinals, digit by digit, years, clock times."""

from __future__ import annotations

import unicodedata

from ssmphony.text.hindi import tables

WORDS = tuple(row[1] for row in tables.rows("numbers"))
MONTHS = tuple(row[0] for row in tables.rows("months"))
_SCALES = tuple(
    (10**power, unicodedata.normalize("NFC", name))
    for power, name in (
        (17, "शंख"),
        (15, "पद्म"),
        (13, "नील"),
        (11, "खरब"),
        (9, "अरब"),
        (7, "करोड़"),
        (5, "लाख"),
        (3, "हज़ार"),
        (2, "सौ"),
    )
)
LIMIT = 10**19
"""Numbers from here on are read digit by digit."""

_ORDINALS = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ", 6: "छठ"}
_ORDINAL_SHORT = {"ल": 1, "र": 2, "थ": 4, "ठ": 6}


def cardinal(number: int) -> tuple[str, ...]:
    """The words of 0 ≤ number < `LIMIT`; larger ones digit by digit, negative ones behind माइनस.

    >>> cardinal(1_25_00_007)
    ('एक', 'करोड़', 'पच्चीस', 'लाख', 'सात')
    """
    if number < 0:
        return ("माइनस", *cardinal(-number))
    if number >= LIMIT:
        return digits(str(number))
    words: list[str] = []
    for value, name in _SCALES:
        count, number = divmod(number, value)
        if count:
            words += (*cardinal(count), name)
    if number or not words:
        words.append(WORDS[number])
    return tuple(words)


def digits(text: str) -> tuple[str, ...]:
    """Every ASCII digit of ``text`` by its name; other characters are passed over."""
    return tuple(WORDS[int(digit)] for digit in text if digit in "0123456789")


def decimal(text: str) -> tuple[str, ...]:
    """A number as written, grouping commas and a decimal point included: 1,234.05."""
    whole, point, fraction = text.replace(",", "").partition(".")
    words = integer(whole)
    return (*words, "दशमलव", *digits(fraction)) if point else words


def integer(text: str) -> tuple[str, ...]:
    """Digits as a cardinal, or one by one when they begin with a zero or are too many to count."""
    if (len(text) > 1 and text.startswith("0")) or len(text) > 19:
        return digits(text)
    return cardinal(int(text)) if text else (WORDS[0],)


def year(number: int) -> tuple[str, ...]:
    """1100 to 1999 by hundreds (उन्नीस सौ सैंतालीस), other years as cardinals."""
    if not 1100 <= number <= 1999:
        return cardinal(number)
    century, rest = divmod(number, 100)
    return (WORDS[century], "सौ", *((WORDS[rest],) if rest else ()))


def ordinal(number: int, suffix: str) -> tuple[str, ...]:
    """A number with a written ordinal ending: (10, 'वीं') → दसवीं, (2, 'रा') → दूसरा."""
    vowel = suffix[1:]
    if _ORDINAL_SHORT.get(suffix[0]) is not None and number in _ORDINALS:
        return (_ORDINALS[number] + vowel,)
    words = cardinal(number)
    last = "छठ" if words[-1] == WORDS[6] else words[-1]
    return (*words[:-1], last + "व" + vowel)


def clock(hour: int, minute: int) -> tuple[str, ...]:
    """A clock time up to बजे: (8, 45) → पौने नौ बजे, (2, 30) → ढाई बजे, (9, 5) → नौ बजकर पाँच मिनट."""
    if minute == 0:
        return (*cardinal(hour), "बजे")
    if minute == 30 and hour in (1, 2):
        return ("डेढ़" if hour == 1 else "ढाई", "बजे")
    if minute in (15, 30):
        return ("सवा" if minute == 15 else "साढ़े", *cardinal(hour), "बजे")
    if minute == 45:
        return ("पौने", *cardinal(1 if hour == 12 else hour + 1), "बजे")
    return (*cardinal(hour), "बजकर", *cardinal(minute), "मिनट")
