"""Numbers in Hindi words: cardinals with Indian grouping, ordinals, digit by digit, years, quarters."""

from __future__ import annotations

import unicodedata

from ssmphony.text.hindi import tables

WORDS = tuple(row[1] for row in tables.rows("numbers"))
MINUS = "माइनस"
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

_ORDINALS = {1: "पहल", 2: "दूसर", 3: "तीसर", 4: "चौथ"}


def cardinal(number: int) -> tuple[str, ...]:
    """The words of 0 ≤ number < `LIMIT`; larger ones digit by digit, negative ones after माइनस.

    >>> cardinal(1_25_00_007)
    ('एक', 'करोड़', 'पच्चीस', 'लाख', 'सात')
    """
    if number < 0:
        return (MINUS, *cardinal(-number))
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


def pairs(text: str) -> tuple[str, ...]:
    """The ASCII digits of ``text`` two by two, an odd one first: 98765 as नौ सत्तासी पैंसठ."""
    plain = "".join(digit for digit in text if digit in "0123456789")
    odd = len(plain) % 2
    parts = [plain[:odd], *(plain[place : place + 2] for place in range(odd, len(plain), 2))]
    return tuple(word for part in parts if part for word in integer(part))


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
    """A number with an ordinal ending: (10, 'वीं') → दसवीं, (2, 'रा') → दूसरा, (6, 'वें') → छठे."""
    vowel = "ाँ" if suffix[1:] in ("ा", "ां") else suffix[1:] + "ं" * (suffix[1:] in ("ी", "े"))
    plain = vowel[0]
    if number in _ORDINALS:
        return (_ORDINALS[number] + plain,)
    words = cardinal(number)
    if words[-1] == WORDS[6]:
        return (*words[:-1], "छठ" + plain)
    start = 1 if number == 100 else 0
    return (*words[start:-1], words[-1] + "व" + vowel)


def quarters(text: str) -> tuple[str, ...] | None:
    """Halves and quarters as Hindi counts them: 1.5 डेढ़, 2.5 ढाई, 4.5 साढ़े चार, 1.25 सवा, 1.75 पौने दो, 0.5 आधा.

    None for every other number, and from a hundred on.
    """
    whole, _, fraction = text.replace(",", "").partition(".")
    part = fraction.rstrip("0")
    if part not in ("5", "25", "75") or len(fraction) > 2 or len(whole) > 2 or (whole + "x").startswith("00"):
        return None
    count = int(whole or "0")
    if count == 0:
        return ("आधा",) if part == "5" else None
    if part == "75":
        return "पौने", *cardinal(count + 1)
    if count == 1:
        return ("डेढ़",) if part == "5" else ("सवा",)
    if part == "5" and count == 2:
        return ("ढाई",)
    return "साढ़े" if part == "5" else "सवा", *cardinal(count)
