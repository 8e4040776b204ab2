"""The kinds of SSML's ``say-as`` (W3C note of 2005): a text → the Hindi words that speak it as that kind."""

from __future__ import annotations

import re
from collections.abc import Callable

from ssmphony.config import suggest
from ssmphony.text.hindi import dates, numbers
from ssmphony.text.hindi.codes import spell
from ssmphony.text.hindi.context import DEVANAGARI
from ssmphony.text.hindi.ordinals import bare
from ssmphony.text.hindi.times import clock
from ssmphony.text.hindi.unicode import clean
from ssmphony.types import SsmphonyError

_CLUSTER = rf"(?:{DEVANAGARI}\u094d)*{DEVANAGARI}[\u0900-\u0903\u093a-\u094f]*"


def say_as(text: str, kind: str, form: str = "") -> str:
    """Raises `SsmphonyError` for an unknown kind, and for a text that is none of its kind.

    >>> say_as("1947", "cardinal"), say_as("1947", "digits")
    ('एक हज़ार नौ सौ सैंतालीस', 'एक नौ चार सात')
    """
    kind = kind.removeprefix("vxml:")
    if kind not in _KINDS:
        raise SsmphonyError(f"interpret-as '{kind}' is not known{suggest(kind, _KINDS)}; use {', '.join(_KINDS)}")
    try:
        return _KINDS[kind](clean(text).text.strip(), form)
    except ValueError:
        shown = f"{kind} of the format '{form}'" if form else kind
        raise SsmphonyError(f"'{text:.40}' cannot be read as {shown}") from None


def _cardinal(text: str, form: str) -> str:
    number = _matched(r"([-−+]?)([\d,]*\d(?:\.\d+)?)", text)
    sign = {"-": "माइनस ", "−": "माइनस ", "+": "प्लस "}.get(number[1], "")
    return sign + " ".join(numbers.decimal(number[2]))


def _ordinal(text: str, form: str) -> str:
    number = _matched(r"(\d{1,18})[ .-]?(\D{0,3})", text)
    suffix = "" if number[2].isascii() else number[2]
    return " ".join(numbers.ordinal(int(number[1]), suffix) if suffix else bare(int(number[1])))


def _digits(text: str, form: str) -> str:
    return " ".join(numbers.digits(_matched(r"[\d\s().+-]*\d[\d\s().+-]*", text)[0]))


def _telephone(text: str, form: str) -> str:
    return ("प्लस " if text.startswith("+") else "") + _digits(text, form)


def _characters(text: str, form: str) -> str:
    """Latin letters by their names, Devanagari syllable by syllable, digits one by one."""
    return ", ".join(
        " ".join(spell(part)) if part.isascii() else part for part in re.findall(rf"{_CLUSTER}|[A-Za-z\d]", text)
    )


def _date(text: str, form: str) -> str:
    """``form`` is the order of the parts: dmy (the default, as India writes), mdy, ymd, dm, my, y …"""
    parts = [int(part) for part in re.findall(r"\d{1,4}", text)]
    order = form or ("dmy" if parts and parts[0] < 32 else "ymd")[: len(parts)]
    if not parts or len(parts) != len(order) or set(order) - set("dmy"):
        raise ValueError(text)
    named = dict(zip(order, parts, strict=True))
    if not 1 <= named.get("m", 1) <= 12 or not 1 <= named.get("d", 1) <= 31:
        raise ValueError(text)
    said = [*numbers.cardinal(named["d"])] if "d" in named else []
    said += [dates.MONTHS[named["m"] - 1]] if "m" in named else []
    said += [*numbers.year(named["y"])] if "y" in named else []
    return " ".join(said)


def _time(text: str, form: str) -> str:
    time = _matched(r"(\d{1,2})(?:[:.](\d{2}))?(?:[:.]\d{2})?\s*(?:([AaPp])\.?[Mm]\.?|बजे)?", text)
    hour, minute = int(time[1]), int(time[2] or 0)
    if hour > 24 or minute > 59:
        raise ValueError(text)
    part = {"a": "सुबह ", "p": "शाम " if hour < 8 else "रात "}.get((time[3] or "").lower(), "")
    return part + " ".join(clock(hour, minute))


def _currency(text: str, form: str) -> str:
    """What the normaliser reads as money; a bare number is rupees."""
    return f"₹{text}" if re.fullmatch(r"[\d,]+(?:\.\d+)?", text) else text


def _fraction(text: str, form: str) -> str:
    return _matched(r"(?:\d+[ +])?\d+[/⁄]\d+", text)[0].replace("+", " ")


def _as_written(text: str, form: str) -> str:
    return text


def _matched(pattern: str, text: str) -> re.Match[str]:
    found = re.fullmatch(pattern, text)
    if not found:
        raise ValueError(text)
    return found


_KINDS: dict[str, Callable[[str, str], str]] = {
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "digits": _digits,
    "characters": _characters,
    "spell-out": _characters,
    "date": _date,
    "time": _time,
    "currency": _currency,
    "telephone": _telephone,
    "fraction": _fraction,
    "unit": _as_written,
    "address": _as_written,
    "name": _as_written,
}
